/// One input or output of a graph; see rapsam/contract.py.
public struct TensorSpec: Sendable {
    public let name: String
    public let shape: [Int]
    public let dtype: String
    /// What the tensor is to a task, as in `Role`.
    public let role: String

    public init(name: String, shape: [Int], dtype: String, role: String) {
        self.name = name
        self.shape = shape
        self.dtype = dtype
        self.role = role
    }

    /// Numbers.
    public var count: Int { shape.reduce(1, *) }
}

/// What tensors are to a task, whatever a family of networks calls them.
enum Role {
    static let image = "image"
    static let flow = "flow"
    static let classLogits = "class_logits"
    static let maskLogits = "mask_logits"
    static let queries = "queries"
    static let iou = "iou"
}

/// Tasks of pipelines that this app does.
public enum PipelineTask {
    public static let panoptic = "panoptic"
    public static let video = "video"
    public static let prompt = "prompt"
}

/// What a graph takes and returns.
public struct GraphContract: Sendable {
    public let graph: String
    public let inputs: [TensorSpec]
    public let outputs: [TensorSpec]

    public init(graph: String, inputs: [TensorSpec], outputs: [TensorSpec]) {
        self.graph = graph
        self.inputs = inputs
        self.outputs = outputs
    }

    /// Whether it takes encoded prompts.
    var takesPrompts: Bool { inputs.contains { $0.role != Role.image && $0.role != Role.flow } }
}

/// A graph, and the path of its file, or package folder, in the bundle.
public struct GraphEntry: Sendable {
    public let path: String
    public let contract: GraphContract
}

/// The graphs that do a task, in the order in which an app runs them.
public struct Pipeline: Equatable, Sendable {
    public let task: String
    public let graphs: [String]
}

/// A class of objects.
public struct ClassLabel: Sendable {
    public let name: String
    public let isThing: Bool
}

/// From a photograph to the first graph's input.
public struct PreprocessSpec: Sendable {
    public let size: PixelSize
    public let padColour: [Float]
    public let fit: Fit
}

/// A file of a bundle.
struct FileEntry: Sendable {
    let path: String
    let sha256: String
    let sizeBytes: Int
}

/// What an app must know of a bundle; docs/formats.md describes the file.
public struct Manifest: Sendable {
    public let recipe: String
    public let model: String
    public let minimumRuntime: String
    public let graphs: [GraphEntry]
    public let pipelines: [Pipeline]
    /// In the order of the class logits, things first; empty where no objects are found.
    public let labels: [ClassLabel]
    public let preprocess: PreprocessSpec
    /// Nil where no objects are found.
    public let thresholds: Thresholds?
    /// Instances of a frame to look at; nil where no objects are found.
    public let topK: Int?
    /// Nil if it takes none.
    public let prompts: PromptSpec?
    let files: [FileEntry]

    /// The first classes that are things.
    public var numThings: Int { labels.filter(\.isThing).count }

    /// What it takes as a prompt; nil if no graphs take one.
    public var prompting: PromptSpec? { pipeline(PipelineTask.prompt) == nil ? nil : prompts }

    /// Why there is nothing for a live camera to show; nil if there is.
    public var cameraProblem: Problem? {
        if pipeline(PipelineTask.panoptic) != nil || pipeline(PipelineTask.video) != nil { return nil }
        return Problem(
            "this bundle finds no objects by itself, so the camera has nothing to show; choose a photo instead")
    }

    /// The pipeline of a task; nil if the bundle does not do it.
    public func pipeline(_ task: String) -> Pipeline? { pipelines.first { $0.task == task } }

    /// The contract of a graph.
    func contract(_ graph: String) -> GraphContract? { graphs.first { $0.contract.graph == graph }?.contract }
}
