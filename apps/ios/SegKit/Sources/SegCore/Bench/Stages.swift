/// What is timed by itself.
struct Stage {
    /// "preprocess", "graph", "postprocess", "click" or "end_to_end".
    let kind: String
    /// The graph or the task; nil where there is one only.
    let of: String?
    let run: () throws -> Void

    /// What it can be asked for by: its kind, its subject, or both.
    var spellings: Set<String> { of.map { [kind, $0, "\(kind):\($0)"] } ?? [kind] }
}

/// The stages of a bundle, as benchmarks/latency/bundle_subject.py has them: graphs, tasks, and a click once an image is
/// known. All graphs run once while it is made.
final class Stages {
    /// All stages, in the order in which they are timed.
    private(set) var all: [Stage] = []

    private let loaded: LoadedBundle
    private let manifest: Manifest
    private let graphs: Graphs
    private let picture: Picture
    private let segmenter: Segmenter
    private let fitted: Fitted
    private let asked: [Prompt]
    private let prompts: Tensors
    private var steps: [String: Step] = [:]

    /// - Parameter first: Makes the first run of a graph.
    init(
        _ loaded: LoadedBundle, _ picture: Picture, first: @escaping (String, () throws -> Tensors) throws -> Tensors
    ) throws {
        self.loaded = loaded
        self.picture = picture
        manifest = loaded.bundle.manifest
        graphs = loaded.byName
        segmenter = Segmenter(loaded)
        let spec = manifest.preprocess
        fitted = letterbox(picture, size: spec.size, padColour: spec.padColour, fit: spec.fit)
        asked = manifest.prompts.map { [Self.prompt(on: picture.size, $0)] } ?? []
        let encoded = asked.isEmpty ? [:] : try segmenter.encoded(asked, fitted.geometry)
        let perPass = encoded.isEmpty ? 1 : try segmenter.promptsPerPass(encoded.keys)
        prompts = encoded.mapValues { filled($0, 0, perPass) }
        let watched = graphs.map { name, graph in
            (name, Watched(graph) { inputs in try first(name) { try graph.run(inputs) } } as any Graph)
        }
        let ran = try runChain(loaded.names, Dictionary(uniqueKeysWithValues: watched), given(fitted))
        steps = Dictionary(uniqueKeysWithValues: ran.map { ($0.contract.graph, $0) })
        all = try [Stage(kind: "preprocess", of: nil) { [self] in _ = fit() }] + graphStages() + taskStages()
    }

    /// Drops the stages, which hold on to all graphs, as this holds on to them.
    func forget() { all = [] }

    /// What a graph got.
    func inputs(of graph: String) -> Tensors { steps[graph]?.inputs ?? [:] }

    private static func prompt(on size: PixelSize, _ spec: PromptSpec) -> Prompt {
        let (height, width) = (Double(size.height), Double(size.width))
        if spec.maxPoints > 0 { return .point(x: width / 2, y: height / 2) }
        return .box(PromptBox(x1: width / 4, y1: height / 4, x2: 3 * width / 4, y2: 3 * height / 4))
    }

    private func fit() -> Fitted {
        let spec = manifest.preprocess
        return letterbox(picture, size: spec.size, padColour: spec.padColour, fit: spec.fit)
    }

    private func given(_ fitted: Fitted) -> Tensors {
        prompts.merging([Role.image: fitted.pixels]) { _, image in image }
    }

    private func answer(_ outputs: Tensors, _ fitted: Fitted) throws -> [Region] {
        try segmenter.regions(of: outputs, asked, fitted.geometry)
    }

    private func graphStages() -> [Stage] {
        loaded.graphs.map { graph in
            let inputs = inputs(of: graph.contract.graph)
            return Stage(kind: "graph", of: graph.contract.graph) { _ = try graph.run(inputs) }
        }
    }

    /// Of the pipelines that differ for a single image: of those that find objects, the one it is asked by.
    private func taskStages() throws -> [Stage] {
        let finding = manifest.pipelines.filter { $0.task != PipelineTask.prompt }
        let asked = finding.first { $0.task == PipelineTask.panoptic } ?? finding.first
        return try manifest.pipelines.filter { $0 == asked || !finding.contains($0) }
            .flatMap { try $0.task == PipelineTask.prompt ? promptStages($0) : objectStages($0) }
    }

    private func objectStages(_ pipeline: Pipeline) throws -> [Stage] {
        let found = try outputsByRole(pipeline.graphs, graphs, given(fitted))
        return [
            Stage(kind: "postprocess", of: pipeline.task) { [self] in
                _ = try segmenter.panoptic(of: found, fitted.geometry)
            },
            Stage(kind: "end_to_end", of: pipeline.task) { [self] in
                let now = fit()
                _ = try segmenter.panoptic(of: outputsByRole(pipeline.graphs, graphs, given(now)), now.geometry)
            },
        ]
    }

    /// An image with its first prompt, and every further one: that needs the image's graphs no more.
    private func promptStages(_ pipeline: Pipeline) throws -> [Stage] {
        let found = try outputsByRole(pipeline.graphs, graphs, given(fitted))
        let prompted = promptedGraphs(manifest.graphs.map(\.contract))
        let known = graphs.map { name, graph in
            let outputs = steps[name]?.outputs ?? [:]
            return (name, prompted.contains(name) ? graph : Watched(graph) { _ in outputs })
        }
        let answering = Dictionary(uniqueKeysWithValues: known)
        return [
            Stage(kind: "postprocess", of: pipeline.task) { [self] in
                _ = try answer(found, fitted)
            },
            Stage(kind: "click", of: pipeline.task) { [self] in
                _ = try answer(outputsByRole(pipeline.graphs, answering, given(fitted)), fitted)
            },
            Stage(kind: "end_to_end", of: pipeline.task) { [self] in
                let now = fit()
                _ = try answer(outputsByRole(pipeline.graphs, graphs, given(now)), now)
            },
        ]
    }
}

/// Chooses stages.
///
/// - Parameter wanted: Spellings; none for all.
/// - Throws: `Problem` if no stage has one of them.
func wantedStages(_ stages: [Stage], _ wanted: [String]) throws -> [Stage] {
    let known = stages.reduce(into: Set<String>()) { $0.formUnion($1.spellings) }
    if let unknown = wanted.first(where: { !known.contains($0) }) {
        throw Problem(
            "unknown stage \"\(unknown)\" of the bundle; valid names: \(known.sorted().joined(separator: ", "))")
    }
    return stages.filter { wanted.isEmpty || !$0.spellings.isDisjoint(with: wanted) }
}

private final class Watched: Graph {
    private let graph: any Graph
    private let answer: (Tensors) throws -> Tensors

    init(_ graph: any Graph, _ answer: @escaping (Tensors) throws -> Tensors) {
        self.graph = graph
        self.answer = answer
    }

    var contract: GraphContract { graph.contract }

    func run(_ inputs: Tensors) throws -> Tensors { try answer(inputs) }
}
