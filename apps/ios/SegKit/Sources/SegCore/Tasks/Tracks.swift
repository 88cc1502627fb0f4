/// An instance of one frame, and the number of its object from 1: it keeps it through all frames.
public struct TrackedInstance: Sendable {
    public let instance: Instance
    public let trackId: Int
}

/// Numbers every pair of query and class, from 1 in the order of first appearance; rapsam/tasks/video.py.
public struct TrackNumbers {
    private struct Pair: Hashable {
        let query: Int
        let label: Int
    }

    private var numbers: [Pair: Int] = [:]

    public init() {}

    /// The number of a pair.
    mutating func of(query: Int, label: Int) -> Int {
        let pair = Pair(query: query, label: label)
        let number = numbers[pair] ?? numbers.count + 1
        numbers[pair] = number
        return number
    }
}

/// Finds the tracked instances of an associated frame, in falling order of score.
///
/// - Parameters:
///   - numThings: The first classes that are things.
///   - numbers: The same for all frames of a video.
///   - enlarger: Kept from frame to frame by a video, whose sizes stay the same; else nil.
func trackedInstances(
    _ frame: AssociatedFrame, _ geometry: Geometry, numThings: Int, limits: Limits, numbers: inout TrackNumbers,
    enlarger: Enlarger? = nil
) -> [TrackedInstance] {
    let pairs = rankPairs(frame.classLogits, numThings: numThings, topK: limits.topK)
    for pair in pairs { _ = numbers.of(query: pair.query, label: pair.label) }
    let enlarger = enlarger ?? Enlarger(of: frame.maskLogits, geometry: geometry)
    let found = byScore(
        maskedInstances(pairs, frame.maskLogits, enlarger, order: frame.order, minScore: limits.minScore))
    return found.map {
        TrackedInstance(instance: $0, trackId: numbers.of(query: $0.query, label: $0.label))
    }
}

/// Leaves tracks out that lie on the object of another, frame by frame; rapsam/tasks/duplicates.py, for clips of one frame.
public struct DistinctTracks {
    private let sameObjectIou: Double
    private var scores: [Int: Double] = [:]
    private var reported: Set<Int> = []

    /// - Parameter sameObjectIou: Tracks whose masks overlap by this much are one object.
    public init(sameObjectIou: Double) {
        self.sameObjectIou = sameObjectIou
    }

    /// Of two tracks on one object stays the one that was reported before; if both or none was, the surer one.
    public mutating func of(_ frame: [TrackedInstance]) -> [TrackedInstance] {
        for track in frame { scores[track.trackId, default: 0] += Double(track.instance.score) }
        let ranked = frame.sorted { one, other in
            let (isKnown, isOtherKnown) = (reported.contains(one.trackId), reported.contains(other.trackId))
            return isKnown != isOtherKnown
                ? isKnown : scores[one.trackId, default: 0] > scores[other.trackId, default: 0]
        }
        var kept: [TrackedInstance] = []
        for track in ranked
        where kept.allSatisfy({ iou(track.instance.mask, $0.instance.mask) < sameObjectIou }) {
            kept.append(track)
        }
        let numbers = Set(kept.map(\.trackId))
        reported.formUnion(numbers)
        return frame.filter { numbers.contains($0.trackId) }
    }
}

/// Intersection over union; 0 of nothing.
public func iou(_ one: [Bool], _ other: [Bool]) -> Double {
    var (both, either) = (0, 0)
    for (first, second) in zip(one, other) {
        if first && second { both += 1 }
        if first || second { either += 1 }
    }
    return either == 0 ? 0 : Double(both) / Double(either)
}
