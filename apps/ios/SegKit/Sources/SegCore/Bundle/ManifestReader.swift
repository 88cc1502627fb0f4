/// Of manifests that this app reads; rapsam/export/bundle/manifest.py defines it.
let schemaVersion = 4
private let maxSide = 16384
/// Of a network's image: its numbers then take 200 MB.
private let maxPixels = 1 << 24
private let maxElements = 1 << 28
private let maxAxes = 8
private let maxGraphs = 16
private let maxClasses = 10_000
private let maxFileBytes = 1 << 30
private let maxRadius = 64.0
private let maxPoints = 64
private let maxCandidates = 16
private let maxStride = 64

/// What this app does; a manifest that asks for something else is refused.
private let doneHere = [
    ("layout", "NCHW"),
    ("dtype", "float32"),
    ("colour_order", "RGB"),
]

/// Reads a manifest.
///
/// - Throws: `Problem` if it is damaged, of another schema, or asks for what this app does not do.
func readManifest(_ text: String) throws -> Manifest {
    let json = try parseJson(text, name: manifestName)
    let version = try json.field("schema_version").int()
    if version != schemaVersion {
        let remedy = version > schemaVersion ? "install a newer app" : "export the bundle again"
        throw Problem(
            "\(manifestName) has schema version \(version); this app reads \(schemaVersion): \(remedy)")
    }
    let postprocess = try json.field("postprocess").orNil
    let labels = try json.field("labels").orNil.map {
        try bounded($0.field("labels"), 1...maxClasses).map(label)
    }
    let found = Manifest(
        recipe: try json.field("recipe").text(),
        model: try json.field("model").field("name").text(),
        minimumRuntime: try json.field("minimum_runtime").text(),
        graphs: try bounded(json.field("graphs"), 1...maxGraphs).map(graphEntry),
        pipelines: try bounded(json.field("pipelines"), 1...maxGraphs).map(pipeline),
        labels: labels ?? [],
        preprocess: try preprocess(json.field("preprocess")),
        thresholds: try postprocess.map(thresholds),
        topK: try postprocess.map { try $0.field("top_k").int(in: 1...maxElements) },
        prompts: try json.field("prompts").orNil.map(promptSpec),
        files: try json.field("files").items().map(fileEntry))
    try checkFit(found)
    return found
}

private func pipeline(_ json: JsonValue) throws -> Pipeline {
    let graphs = try bounded(json.field("graphs"), 1...maxGraphs).map { try $0.text() }
    return Pipeline(task: try json.field("task").text(), graphs: graphs)
}

private func graphEntry(_ json: JsonValue) throws -> GraphEntry {
    let contract = try json.field("contract")
    let tensors = { (name: String) in try bounded(contract.field(name), 1...maxElements).map(tensorSpec) }
    return GraphEntry(
        path: try plainPath(json.field("path").text()),
        contract: GraphContract(
            graph: try contract.field("graph").text(), inputs: try tensors("inputs"), outputs: try tensors("outputs")))
}

private func tensorSpec(_ json: JsonValue) throws -> TensorSpec {
    let name = try json.field("name").text()
    let shape = try bounded(json.field("shape"), 1...maxAxes).map { try $0.int(in: 1...maxElements) }
    if shape.reduce(1, { min($0 * $1, maxElements + 1) }) > maxElements {
        throw Problem(
            "\(name) has the shape \(shape); expected at most \(maxElements) numbers: export the bundle again")
    }
    return TensorSpec(
        name: name, shape: shape, dtype: try json.field("dtype").text(), role: try json.field("role").text())
}

private func label(_ json: JsonValue) throws -> ClassLabel {
    ClassLabel(name: try json.field("name").text(), isThing: try json.field("is_thing").flag())
}

private func preprocess(_ json: JsonValue) throws -> PreprocessSpec {
    for (field, done) in doneHere { _ = try asked(json, field, [done]) }
    let fitting = try asked(json, "fit", Fit.allCases.map(\.rawValue))
    let fit = Fit(rawValue: fitting) ?? .letterbox
    _ = try asked(json, "resize", [fit.resize])
    let sides = try bounded(json.field("size"), 2...2).map { try $0.int(in: 1...maxSide) }
    if sides[0] * sides[1] > maxPixels {
        throw Problem(
            "\(manifestName) asks for images of \(sides[0])x\(sides[1]) px; this app runs networks for at most \(maxPixels) "
                + "pixels: export the bundle at a smaller size")
    }
    let colour = try bounded(json.field("pad_colour"), 3...3).map { Float(try $0.number(in: 0...255)) }
    return PreprocessSpec(size: PixelSize(height: sides[0], width: sides[1]), padColour: colour, fit: fit)
}

/// What a field asks for, which is among what this app does.
private func asked(_ json: JsonValue, _ field: String, _ done: [String]) throws -> String {
    let asked = try json.field(field).text()
    guard done.contains(asked) else {
        let known = done.map { "\"\($0)\"" }.joined(separator: " or ")
        throw Problem("the bundle asks for the \(field) \"\(asked)\", this app does \(known): install a newer app")
    }
    return asked
}

private func thresholds(_ json: JsonValue) throws -> Thresholds {
    Thresholds(
        score: try json.field("score_threshold").number(in: 0...1),
        overlap: try json.field("overlap_threshold").number(in: 0...1))
}

/// Reads what a manifest says of prompts; see `readManifest`.
func promptSpec(_ json: JsonValue) throws -> PromptSpec {
    let choice = try asked(json, "choice", Choice.allCases.map(\.rawValue))
    let candidates = try json.field("candidates").int(in: 1...maxCandidates)
    if let claim = try falseClaim(json, candidates) {
        throw Problem("\(manifestName) says that \(claim): export the bundle again")
    }
    return PromptSpec(
        encoding: try json.field("encoding").text(),
        maxPoints: try json.field("max_points").int(in: 0...maxPoints),
        negativePoints: try json.field("negative_points").flag(),
        boxes: try json.field("boxes").flag(),
        pointsWithBox: try json.field("points_with_box").flag(),
        pointRadius: try json.field("point_radius").orNil?.number(in: 0...maxRadius) ?? 0,
        candidates: candidates,
        single: try json.field("single").orNil?.int(in: 0...candidates - 1),
        choice: Choice(rawValue: choice) ?? .iou,
        maskStride: try json.field("masks").flag() ? json.field("mask_stride").int(in: 1...maxStride) : nil)
}

/// What a manifest says of prompts and cannot be, as in rapsam/tasks/prompt_set.py; nil if all can.
private func falseClaim(_ json: JsonValue, _ candidates: Int) throws -> String? {
    let points = try json.field("max_points").int(in: 0...maxPoints)
    let masks = try json.field("masks").flag()
    let hasRadius = try !json.field("point_radius").isNull
    let encoding = try json.field("encoding").text()
    let more = try json.field("negative_points").flag() || json.field("points_with_box").flag() || masks
    if encoding == boxesRole && (points > 1 || more || (points > 0) != hasRadius) {
        return "prompts are encoded as boxes, which carry one box, or one point with a radius, and nothing else"
    }
    if encoding == pointsRole && hasRadius { return "points are encoded as points, with a radius; expected none" }
    if try points == 0 && !masks && !json.field("boxes").flag() {
        return "prompts are neither points nor boxes nor masks"
    }
    if try masks == json.field("mask_stride").isNull {
        return "prompts are masks without their stride, or have a stride without masks"
    }
    return try candidates == 1 && !json.field("single").isNull ? "one of several masks is meant, of one" : nil
}

private func fileEntry(_ json: JsonValue) throws -> FileEntry {
    let path = try plainPath(json.field("path").text())
    let digest = try json.field("sha256").text()
    guard digest.utf8.count == 64, digest.allSatisfy({ "0123456789abcdef".contains($0) }) else {
        throw Problem(
            "\(manifestName) names a file \"\(path)\" with the digest \"\(digest)\"; export the bundle again")
    }
    return FileEntry(path: path, sha256: digest, sizeBytes: try json.field("size_bytes").int(in: 0...maxFileBytes))
}

/// A path that leads to a file below the bundle, on every system.
private func plainPath(_ path: String) throws -> String {
    let isPlain = path.unicodeScalars.allSatisfy {
        $0 != "\\" && $0 != ":" && $0.properties.generalCategory != .control
    }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard isPlain, parts.allSatisfy({ !["", ".", ".."].contains($0) }) else {
        throw Problem("\(manifestName) names a file \"\(path)\"; export the bundle again")
    }
    return path
}

/// Checks that the parts name each other.
private func checkFit(_ manifest: Manifest) throws {
    let names = manifest.graphs.map(\.contract.graph)
    let paths = manifest.files.map(\.path)
    let isLost = !Set(manifest.pipelines.flatMap(\.graphs)).isSubset(of: names)
    if isLost || Set(names).count != names.count || Set(paths).count != paths.count {
        throw Problem("\(manifestName) names graphs or files that are not there, or twice; export the bundle again")
    }
    let side = manifest.preprocess.size
    let images = manifest.graphs.flatMap(\.contract.inputs).filter { $0.role == Role.image }
    if let other = images.first(where: { $0.shape != [1, 3, side.height, side.width] }) {
        throw Problem(
            "\(manifestName) prepares images of \(side), its graphs take \(other.shape); export the bundle again")
    }
    let findsObjects = manifest.pipelines.contains { [PipelineTask.panoptic, PipelineTask.video].contains($0.task) }
    if findsObjects && (manifest.labels.isEmpty || manifest.thresholds == nil) {
        throw Problem("\(manifestName) has a task that finds objects, but no classes; export the bundle again")
    }
    if manifest.labels.drop(while: \.isThing).contains(where: \.isThing) {
        throw Problem("\(manifestName) has classes of things behind those of stuff; export the bundle again")
    }
}

private func bounded(_ json: JsonValue, _ count: ClosedRange<Int>) throws -> [JsonValue] {
    let items = try json.items()
    guard count.contains(items.count) else {
        throw Problem(
            "\(manifestName) has a list of \(items.count); expected \(count.lowerBound) to \(count.upperBound) entries: "
                + "export the bundle again")
    }
    return items
}
