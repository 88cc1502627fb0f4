/// The answer to a prompt.
public struct Region: Sendable {
    /// (h0, w0).
    public let mask: [Bool]
    public let predictedIou: Float
    /// (h, w) as the network gave it.
    let logits: Tensor
    let geometry: Geometry

    /// Pixels of the mask.
    var area: Int { mask.reduce(0) { $0 + ($1 ? 1 : 0) } }

    /// The same without its mask, which takes most of the memory, and can be made again.
    var withoutMask: Region { Region(mask: [], predictedIou: predictedIou, logits: logits, geometry: geometry) }

    /// The same with its mask.
    func withMask() throws -> Region {
        let one = Tensor(data: logits.data, shape: [1] + logits.shape)
        return Region(
            mask: try interactiveMasks(one, geometry)[0], predictedIou: predictedIou, logits: logits, geometry: geometry
        )
    }
}

/// What is in a frame of a video: tracks, where the bundle can follow objects, else the objects of the frame by itself.
public enum Seen: Sendable {
    case tracks([TrackedInstance], size: PixelSize)
    case objects(PanopticResult)
}

/// From pixels to results with the graphs of a bundle, as rapsam/inference/segmenter.py does it. Not for several threads at
/// a time. What depends on a photo alone is computed once for it.
public final class Segmenter {
    private struct Taken {
        let fitted: Fitted
        let graphs: Graphs
    }

    private let loaded: LoadedBundle
    private let manifest: Manifest
    private let graphs: Graphs
    private let prompted: Pipeline?
    private let finding: Pipeline?
    private let following: Pipeline?
    private let perPhoto: Set<String>
    private var input: [Float]
    private var fitting: Letterbox?
    private var fusion: MaskFusion?
    private var taken: Taken?
    private var follower: Follower?

    public init(_ loaded: LoadedBundle) {
        self.loaded = loaded
        manifest = loaded.bundle.manifest
        graphs = loaded.byName
        prompted = manifest.pipeline(PipelineTask.prompt)
        finding = manifest.pipeline(PipelineTask.panoptic) ?? manifest.pipeline(PipelineTask.video)
        following = manifest.pipeline(PipelineTask.video)
        perPhoto = Set(graphs.keys).subtracting(promptedGraphs(manifest.graphs.map(\.contract)))
        input = [Float](repeating: 0, count: 3 * manifest.preprocess.size.area)
    }

    /// Whether it finds objects.
    public var findsObjects: Bool { finding != nil }

    /// What it takes as a prompt; nil if it takes none.
    public var promptSpec: PromptSpec? { manifest.prompting }

    /// Takes the photo that the next questions are about.
    public func take(_ picture: Picture) {
        let fitted = fit(picture)
        let once = graphs.map { name, graph in (name, perPhoto.contains(name) ? OnceOnly(graph) : graph) }
        taken = Taken(fitted: fitted, graphs: Dictionary(uniqueKeysWithValues: once))
    }

    /// Forgets the photo, as when memory is short; a video goes on, and its tracks keep their numbers.
    public func forget() {
        taken = nil
        fusion = nil
        fitting = nil
    }

    /// Finds the objects in the photo.
    ///
    /// - Throws: `Problem` if the bundle does not, or the network's outputs cannot be used.
    public func panoptic() throws -> PanopticResult {
        let now = try current()
        return try panoptic(now.fitted, now.graphs)
    }

    /// Begins a video: what was seen before is another one's.
    public func beginVideo() { follower = nil }

    /// Looks at the next frame of a video.
    ///
    /// - Throws: `Problem` if the bundle finds no objects, or the network's outputs cannot be used.
    public func look(at frame: Picture) throws -> Seen {
        taken = nil
        let fitted = fit(frame)
        guard let following else { return .objects(try panoptic(fitted, graphs)) }
        let found = try outputsByRole(following.graphs, graphs, [Role.image: fitted.pixels])
        var follower = follower ?? Follower(numThings: manifest.numThings, topK: manifest.topK ?? 1)
        let classLogits = try ofOne(found, Role.classLogits)
        try checkClasses((classLogits.shape.last ?? 0) - 1)
        let tracks = try follower.next(
            classLogits: classLogits, queries: ofOne(found, Role.queries),
            maskLogits: ofOne(found, Role.maskLogits), geometry: fitted.geometry)
        self.follower = follower
        return .tracks(tracks, size: frame.size)
    }

    private func fit(_ picture: Picture) -> Fitted {
        let spec = manifest.preprocess
        // The numbers of the picture before are let go, so that the new ones can take their place.
        taken = nil
        let kept = fitting?.geometry.original == picture.size ? fitting : nil
        let fitting = kept ?? Letterbox(original: picture.size, size: spec.size, fit: spec.fit)
        self.fitting = fitting
        fitting.fit(picture, padColour: spec.padColour, into: &input)
        let pixels = Tensor(data: input, shape: [1, 3, spec.size.height, spec.size.width])
        return Fitted(pixels: pixels, geometry: fitting.geometry)
    }

    private func panoptic(_ fitted: Fitted, _ graphs: Graphs) throws -> PanopticResult {
        guard let finding else { throw Problem("this bundle does not find objects; take another one") }
        return try panoptic(
            of: outputsByRole(finding.graphs, graphs, [Role.image: fitted.pixels]), fitted.geometry)
    }

    /// Makes a panoptic result of what the graphs returned, by role.
    func panoptic(of outputs: Tensors, _ geometry: Geometry) throws -> PanopticResult {
        let classLogits = try ofOne(outputs, Role.classLogits)
        let maskLogits = try ofOne(outputs, Role.maskLogits)
        guard let thresholds = manifest.thresholds else {
            throw Problem("this bundle has no thresholds; export it again")
        }
        guard maskLogits.shape.count == 3, !maskLogits.shape.contains(0) else {
            throw Problem("mask logits have the shape \(maskLogits.shape); export the bundle again")
        }
        let source = PixelSize(height: maskLogits.shape[1], width: maskLogits.shape[2])
        let kept = fusion.flatMap { $0.geometry == geometry && $0.source == source ? $0 : nil }
        let fusion = kept ?? MaskFusion(source: source, geometry: geometry)
        self.fusion = fusion
        let result = try panopticSegmentation(
            classLogits, maskLogits, geometry, numThings: manifest.numThings, thresholds: thresholds, fusion: fusion)
        try checkClasses(result.void)
        return result
    }

    private func checkClasses(_ count: Int) throws {
        if count != manifest.labels.count {
            throw Problem(
                "the network knows \(count) classes, the bundle names \(manifest.labels.count); export it again")
        }
    }

    /// Computes what all prompts on the photo have in common.
    ///
    /// - Throws: `Problem` if there is no photo, or a graph fails.
    public func embed() throws {
        let now = try current()
        let shared = (prompted?.graphs ?? []).filter(perPhoto.contains)
        _ = try runChain(shared, now.graphs, [Role.image: now.fitted.pixels])
    }

    /// Answers prompts on the photo.
    ///
    /// - Parameter prompts: In its pixels.
    /// - Returns: One per prompt: of several candidates the one that it means.
    /// - Throws: `Problem` if the bundle takes none of the kind, or one lies outside.
    public func segment(_ prompts: [Prompt]) throws -> [Region] {
        let now = try current()
        let encoded = try encoded(prompts, now.fitted.geometry)
        let perPass = try promptsPerPass(encoded.keys)
        return try stride(from: 0, to: prompts.count, by: perPass).flatMap { start in
            var given = encoded.mapValues { filled($0, start, perPass) }
            given[Role.image] = now.fitted.pixels
            let outputs = try outputsByRole(prompted?.graphs ?? [], now.graphs, given)
            let asked = prompts[start..<min(start + perPass, prompts.count)]
            return try regions(of: outputs, Array(asked), now.fitted.geometry)
        }
    }

    /// Encodes prompts for the graphs, as many as there are; by role.
    func encoded(_ prompts: [Prompt], _ geometry: Geometry) throws -> Tensors {
        guard let spec = promptSpec else { throw Problem("this bundle takes no prompts; take another one") }
        return try encodePrompts(prompts, spec, geometry)
    }

    /// Prompts that the graphs take at a time.
    func promptsPerPass(_ roles: some Collection<String>) throws -> Int {
        let specs = (prompted?.graphs ?? []).compactMap(manifest.contract).flatMap(\.inputs)
        let counts = specs.filter { roles.contains($0.role) }.map { $0.shape.count > 1 ? $0.shape[1] : 1 }
        guard let fewest = counts.min() else {
            throw Problem("no graph of the bundle takes \(roles.sorted().joined(separator: ", ")); export it again")
        }
        return fewest
    }

    /// Makes the answers to the first prompts of a pass of what the graphs returned, by role.
    func regions(of outputs: Tensors, _ prompts: [Prompt], _ geometry: Geometry) throws -> [Region] {
        guard let spec = promptSpec else { throw Problem("this bundle takes no prompts; take another one") }
        let logits = try ofOne(outputs, Role.maskLogits)
        let iou = try ofOne(outputs, Role.iou)
        let candidates = iou.data.count / max(iou.shape.first ?? 1, 1)
        let size = Array(logits.shape.suffix(2))
        let step = size.reduce(1, *)
        let total = prompts.count * candidates
        guard candidates == spec.candidates, iou.data.count >= total, logits.data.count >= total * step else {
            throw Problem(
                "the graphs return masks of \(logits.shape) with predicted IoUs of \(iou.shape), the bundle says "
                    + "\(spec.candidates) masks a prompt; export it again")
        }
        try checkFinite("predicted IoUs", iou.data)
        let ambiguous = prompts.map(\.isAmbiguous)
        let scores: [Float]
        switch spec.choice {
        case .iou: scores = Array(iou.data.prefix(total))
        case .stability:
            let all = Tensor(data: Array(logits.data.prefix(total * step)), shape: [total] + size)
            scores = try stabilityToChoose(all, geometry, ambiguous: ambiguous, single: spec.single)
        }
        let chosen = chosenCandidates(scores, ambiguous: ambiguous, single: spec.single)
        return try chosen.enumerated().map { prompt, candidate in
            let place = prompt * candidates + candidate
            let one = Tensor(data: Array(logits.data[place * step..<(place + 1) * step]), shape: size)
            return try Region(mask: [], predictedIou: iou.data[place], logits: one, geometry: geometry).withMask()
        }
    }

    private func current() throws -> Taken {
        guard let taken else { throw Problem("there is no photo yet; choose one first") }
        return taken
    }
}

/// Cuts the prompts of a pass (1, K, ...); the last pass is filled up with copies, whose results are dropped.
func filled(_ prompts: Tensor, _ start: Int, _ count: Int) -> Tensor {
    let total = prompts.shape[1]
    let width = prompts.data.count / max(total, 1)
    let data = (0..<count).flatMap { place in
        let from = min(start + place, total - 1) * width
        return prompts.data[from..<from + width]
    }
    return Tensor(data: data, shape: [1, count] + prompts.shape.dropFirst(2))
}

private func ofOne(_ outputs: Tensors, _ role: String) throws -> Tensor {
    guard let tensor = outputs[role], tensor.shape.count >= (role == Role.iou ? 2 : 3), tensor.shape[0] == 1 else {
        throw Problem("the graphs returned no \(role) of one image; export the bundle again")
    }
    return tensor.withoutBatch()
}

/// A graph that runs once, for those that depend on the photo alone.
private final class OnceOnly: Graph {
    private let graph: any Graph
    private var outputs: Tensors?

    init(_ graph: any Graph) { self.graph = graph }

    var contract: GraphContract { graph.contract }

    func run(_ inputs: Tensors) throws -> Tensors {
        let found = try outputs ?? graph.run(inputs)
        outputs = found
        return found
    }
}
