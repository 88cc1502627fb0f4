import Foundation

/// Runs whose medians are compared to tell whether times are steady, and the largest difference of two windows.
private let window = 5
private let steady = 0.05
private let mostPerTurn = 20_000

/// Seconds of a clock that never goes back.
func now() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }

/// Milliseconds of one run.
func timed(_ run: () throws -> Void) rethrows -> Double {
    let before = now()
    try run()
    return (now() - before) * 1e3
}

/// Milliseconds of every run, and whether they became steady.
struct WarmUp {
    let samples: [Double]
    let isSteady: Bool
}

/// Runs until times are steady: the medians of two windows of five runs differ by at most 5 %; as
/// benchmarks/latency/sampling.py has it. At least one run is made.
///
/// - Parameter atMostS: It is given up then.
func warmUp(atMostS: Double, _ run: () throws -> Void) rethrows -> WarmUp {
    var samples: [Double] = []
    let end = now() + atMostS
    while true {
        samples.append(try timed(run))
        if samples.count >= 2 * window && samples.count % window == 0 {
            let older = median(Array(samples.suffix(2 * window).prefix(window)))
            let newer = median(Array(samples.suffix(window)))
            if abs(newer - older) <= steady * older { return WarmUp(samples: samples, isSteady: true) }
        }
        if now() >= end { return WarmUp(samples: samples, isSteady: false) }
    }
}

/// Times runs that follow each other; the first is not counted, it wakes the threads and fills the caches.
///
/// - Parameters:
///   - atLeast: Samples.
///   - atLeastS: Time of all samples together, in seconds.
///   - atMostS: No run begins after that.
/// - Returns: Milliseconds of every run.
func sample(
    atLeast: Int, atLeastS: Double, atMostS: Double, _ run: () throws -> Void
) rethrows -> [Double] {
    var samples: [Double] = []
    var spentS = 0.0
    try run()
    while true {
        let taken = try timed(run)
        samples.append(taken)
        spentS += taken / 1e3
        let isEnough = samples.count >= atLeast && spentS >= atLeastS
        if isEnough || spentS >= max(atMostS, 0) || samples.count >= mostPerTurn { return samples }
    }
}

/// Of at least one number.
func median(_ values: [Double]) -> Double {
    let ordered = values.sorted()
    let middle = ordered.count / 2
    return ordered.count % 2 == 1 ? ordered[middle] : (ordered[middle - 1] + ordered[middle]) / 2
}
