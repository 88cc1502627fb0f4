import Foundation

private let indexName = "golden/index.json"
private let goldenVersion = 1
private let maxCases = 3
private let maxTensors = 64
private let noPadding: [Float] = [0, 0, 0]

/// An output that is stored in a bundle.
struct GoldenOutput {
    let graph: String
    let output: String
    let step: Int
    /// Every `step`-th value of the flattened output.
    let values: [Float]
}

/// One image, with what the reference gives for it.
struct GoldenCase {
    let name: String
    /// Role to tensor: what the first graphs take.
    let given: Tensors
    /// The image as it fills the first graph.
    let picture: Picture
    let outputs: [GoldenOutput]
}

/// Reads the self-test of a bundle; docs/formats.md describes its folder "golden".
///
/// - Throws: `Problem` if a file is missing, damaged, or does not fit the graphs.
func goldenCases(_ bundle: ModelBundle) throws -> [GoldenCase] {
    let index = try parseJson(bundle.text(indexName), name: indexName)
    let version = try index.field("schema_version").int()
    if version != goldenVersion {
        throw Problem(
            "\(indexName) has schema version \(version); this app reads \(goldenVersion): export the bundle again")
    }
    let cases = try index.field("cases").items()
    guard (1...maxCases).contains(cases.count) else {
        throw Problem("\(indexName) lists \(cases.count) cases; expected 1 to \(maxCases): export the bundle again")
    }
    return try cases.map { try CaseReader(bundle: bundle).read($0) }
}

private struct CaseReader {
    let bundle: ModelBundle

    private var contracts: [GraphContract] { bundle.manifest.graphs.map(\.contract) }

    func read(_ json: JsonValue) throws -> GoldenCase {
        let inputs = try json.field("inputs").items()
        let graphs = try json.field("graphs").items()
        if inputs.count > maxTensors || graphs.count > maxTensors { throw unfit("its lists") }
        var picture: Picture?
        var given: Tensors = [:]
        for input in inputs {
            let name = try input.field("name").text()
            guard let spec = contracts.flatMap(\.inputs).first(where: { $0.name == name }) else { throw unfit(name) }
            given[spec.role] = try tensor(input, name, &picture)
        }
        guard let picture else { throw unfit("its image") }
        let outputs = try graphs.flatMap { try stored($0) }
        return GoldenCase(name: try json.field("name").text(), given: given, picture: picture, outputs: outputs)
    }

    private func stored(_ json: JsonValue) throws -> [GoldenOutput] {
        let graph = try json.field("graph").text()
        guard let contract = bundle.manifest.contract(graph) else { throw unfit(graph) }
        return try json.field("outputs").items().map { output in
            let name = try output.field("name").text()
            guard let spec = contract.outputs.first(where: { $0.name == name }) else { throw unfit(name) }
            let step = try output.field("step").int(in: 1...spec.count)
            let values = floats(try bundle.file(output.field("file").text()))
            if values.count != (spec.count + step - 1) / step { throw unfit(name) }
            return GoldenOutput(graph: graph, output: name, step: step, values: values)
        }
    }

    private func tensor(_ input: JsonValue, _ name: String, _ picture: inout Picture?) throws -> Tensor {
        let shape = try input.field("shape").items().map { try $0.int(in: 1...1 << 28) }
        let path = try input.field("file").text()
        let file = try bundle.file(path)
        if path.hasSuffix(".png") {
            let found = try decodePng(file, name: path)
            picture = found
            if shape != [1, 3, found.size.height, found.size.width] { throw unfit(name) }
            // It fills the input, so nothing is resized: every value stays as it is.
            return letterbox(found, size: found.size, padColour: noPadding).pixels
        }
        let values = floats(file)
        if Double(values.count) != shape.reduce(1.0, { $0 * Double($1) }) { throw unfit(name) }
        return Tensor(data: values, shape: shape)
    }

    private func unfit(_ what: String) -> Problem {
        Problem("\(indexName) tells of \(what) what does not fit the graphs and files; export the bundle again")
    }
}

/// Numbers of a file, little-endian as every phone is.
private func floats(_ file: Data) -> [Float] {
    file.withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
}
