import Foundation

/// The rows of a self-test for people: what was found, beside what the toolkit found.
public func selfTestText(_ rows: [SelfTestRow]) -> String {
    let sum = summary(
        rows.count, failed: rows.filter { $0.verdict == .failed }.count,
        unknown: rows.filter { $0.verdict == .unknown }.count)
    let lines = rows.map { row in
        let error = row.maxAbs.map { String(format: "%.2g", $0) } ?? "NaN or infinite"
        return "\(row.verdict.rawValue): \(row.graph).\(row.output)\n\(row.caseName), error up to \(error)\n"
            + "signal over error \(decibels(row.sqnrDb))\n(in the toolkit \(decibels(row.measuredDb)))"
    }
    return ([sum] + lines).joined(separator: "\n\n")
}

private func summary(_ count: Int, failed: Int, unknown: Int) -> String {
    if count == 0 { return "No output was compared: the bundle has no self-test" }
    if failed > 0 { return "\(failed) of \(count) outputs are wrong" }
    if unknown == 0 { return "All \(count) outputs are right" }
    return "\(count - unknown) of \(count) outputs are right; of the others the bundle does not say what to expect"
}

private func decibels(_ value: Double?) -> String { value.map { String(format: "%.0f dB", $0) } ?? "unknown" }
