/// The first number of a text with what follows it behind points, as in "onnxruntime 1.17.0", "iOS17" or "Version 17.4 (Build 1)";
/// nil if there is none, or one is no number that fits.
func versionNumbers(_ text: String) -> [Int]? {
    let start = text.drop { !$0.isASCIIDigit }
    let parts = start.prefix { $0.isASCIIDigit || $0 == "." }.split(separator: ".")
    let numbers = parts.compactMap { Int($0) }
    return numbers.isEmpty || numbers.count != parts.count ? nil : numbers
}

/// Compares a runtime with the oldest one that a bundle needs, where both say what they are.
///
/// - Throws: `Problem` that names both, if it is older.
func checkRelease(of engine: any Engine, _ runtime: String, needed: String) throws {
    guard let found = engine.release, let wanted = versionNumbers(needed) else { return }
    let count = max(found.count, wanted.count)
    let padded = [found, wanted].map { $0 + [Int](repeating: 0, count: count - $0.count) }
    if padded[0].lexicographicallyPrecedes(padded[1]) {
        throw Problem(
            "the bundle needs \(needed), this app has \(runtime) \(engine.version ?? ""): install a newer app or system, or "
                + "another bundle")
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}
