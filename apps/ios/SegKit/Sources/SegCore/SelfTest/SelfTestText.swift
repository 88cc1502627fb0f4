import Foundation

/// The rows of a self-test for people: what was found, beside what the toolkit found.
public func selfTestText(_ rows: [SelfTestRow]) -> String {
    let failed = rows.filter { $0.verdict == .failed }.count
    let sum = failed == 0 ? "All \(rows.count) outputs are right" : "\(failed) of \(rows.count) outputs are wrong"
    let lines = rows.map { row in
        let error = row.maxAbs.map { String(format: "%.2g", $0) } ?? "NaN or infinite"
        return "\(row.verdict.rawValue): \(row.graph).\(row.output)\n\(row.caseName), largest difference \(error)\n"
            + "signal over error \(decibels(row.sqnrDb)), expected about \(decibels(row.measuredDb))"
    }
    return ([sum] + lines).joined(separator: "\n\n")
}

private func decibels(_ value: Double?) -> String { value.map { String(format: "%.0f dB", $0) } ?? "unknown" }
