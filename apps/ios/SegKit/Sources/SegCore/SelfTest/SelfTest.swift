import Foundation

/// An output may be this much worse than the worst that the toolkit found: ten times the error.
private let toleratedDb = 20.0

/// What an output is judged.
public enum Verdict: String, Sendable {
    /// As near to the reference as the toolkit found it, or not much less.
    case passed
    /// Much farther from it than the toolkit found it, or not finite.
    case failed
    /// The bundle does not say how near it was.
    case unknown
}

/// One output of a graph on one input.
public struct SelfTestRow: Sendable {
    public let graph: String
    public let output: String
    public let caseName: String
    /// Largest difference; nil where a value is not finite.
    public let maxAbs: Double?
    public let cosine: Double?
    /// Signal over error; nil without any error, or where a value is not finite.
    public let sqnrDb: Double?
    /// What the toolkit found; nil where it is not known.
    public let measuredDb: Double?
    public let verdict: Verdict
}

/// Compares what the graphs return on this phone with what the reference returned: the stored inputs, through all graphs as
/// an app runs them, so that errors add up as they do here.
///
/// The gates of `rapsam parity` and `rapsam bench` are the toolkit's. Here an output fails if its error is more than ten times
/// the largest that the toolkit found for it, in any runtime or by rounding alone.
///
/// - Parameter onCase: Told which case begins.
/// - Throws: `Problem` if a file of the self-test is damaged, or a graph fails.
public func selfTest(_ loaded: LoadedBundle, onCase: (String) -> Void = { _ in }) throws -> [SelfTestRow] {
    let measured = try Measured(loaded.bundle)
    return try goldenCases(loaded.bundle).flatMap { one in
        onCase(one.name)
        let steps = try runChain(loaded.names, loaded.byName, one.given)
        return one.outputs.compactMap { stored -> SelfTestRow? in
            let step = steps.first { $0.contract.graph == stored.graph }
            guard let found = step?.outputs[stored.output] else { return nil }
            let figures = Figures(found.data, stored)
            let known = measured.decibels(stored.graph, stored.output, one.name)
            return SelfTestRow(
                graph: stored.graph, output: stored.output, caseName: one.name, maxAbs: figures.maxAbs,
                cosine: figures.cosine, sqnrDb: figures.sqnrDb, measuredDb: known, verdict: verdict(figures, known))
        }
    }
}

private func verdict(_ figures: Figures, _ measuredDb: Double?) -> Verdict {
    if figures.maxAbs == nil { return .failed }
    guard let ratio = figures.sqnrDb else { return .passed }
    guard let measuredDb else { return .unknown }
    return ratio >= measuredDb - toleratedDb ? .passed : .failed
}

/// What two lists of numbers have to do with each other.
private struct Figures {
    let maxAbs: Double?
    let sqnrDb: Double?
    let cosine: Double?

    init(_ found: [Float], _ stored: GoldenOutput) {
        var (largest, errors, signal, own, both) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for (place, reference) in stored.values.enumerated() {
            let (value, wanted) = (Double(found[place * stored.step]), Double(reference))
            let difference = abs(value - wanted)
            // "not at most" and not "more": NaN must stay.
            if !(difference <= largest) { largest = difference }
            errors += difference * difference
            signal += wanted * wanted
            own += value * value
            both += value * wanted
        }
        let isFinite = largest.isFinite && errors.isFinite
        maxAbs = isFinite ? largest : nil
        sqnrDb = isFinite && errors > 0 ? 10 * log10(signal / errors) : nil
        let angle = both / (own * signal).squareRoot()
        cosine = angle.isFinite ? angle : nil
    }
}
