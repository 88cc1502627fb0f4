private let report = "parity.json"

/// Signal over error, in dB, that the toolkit found for outputs when it made the bundle; the lowest of all it knows.
struct Measured {
    private struct Key: Hashable {
        let graph: String
        let output: String
        let name: String
    }

    private var lowest: [Key: Double] = [:]

    /// Reads the report of a bundle; knows nothing where there is none.
    init(_ bundle: ModelBundle) throws {
        guard bundle.contains(report) else { return }
        for row in try parseJson(bundle.text(report), name: report).field("tensors").items() {
            let key = Key(
                graph: try row.field("graph").text(), output: try row.field("output").text(),
                name: try row.field("case").text())
            for field in ["sqnr_db", "rounding_db"] {
                guard let known = try row.field(field).orNil?.number() else { continue }
                lowest[key] = min(known, lowest[key] ?? known)
            }
        }
    }

    /// Where it found no error on an image, the lowest of the same output on others; nil where it is not known.
    func decibels(_ graph: String, _ output: String, _ name: String) -> Double? {
        lowest[Key(graph: graph, output: output, name: name)]
            ?? lowest.filter { $0.key.graph == graph && $0.key.output == output }.values.min()
    }
}
