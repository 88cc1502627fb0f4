/// As in rapsam/inference/segmenter.py; no manifest names them.
private let minScore = 0.5
private let sameObjectIou = 0.7

/// The objects of one video, followed from frame to frame, as rapsam/inference/segmenter.py does it: remembers the queries of
/// one frame, and a number for everything that was seen.
public struct Follower {
    private let numThings: Int
    private let limits: Limits
    private var tracker = NearOnlineTracker()
    private var numbers = TrackNumbers()
    private var enlarger: Enlarger?
    private var distinct = DistinctTracks(sameObjectIou: sameObjectIou)

    /// - Parameters:
    ///   - numThings: The first classes that are things.
    ///   - topK: Candidates of a frame.
    public init(numThings: Int, topK: Int) {
        self.numThings = numThings
        limits = Limits(topK: topK, minScore: minScore)
    }

    /// Takes the next frame.
    ///
    /// - Parameters:
    ///   - classLogits: (N, K+1).
    ///   - queries: (N, C).
    ///   - maskLogits: (N, h, w).
    /// - Returns: In falling order of score; of several on one object, one.
    /// - Throws: `Problem` if the arrays do not fit each other or are not finite.
    public mutating func next(
        classLogits: Tensor, queries: Tensor, maskLogits: Tensor, geometry: Geometry
    ) throws -> [TrackedInstance] {
        let frame = try tracker.update(classLogits: classLogits, queries: queries, maskLogits: maskLogits)
        let kept = enlarger.flatMap { $0.fits(maskLogits, geometry) ? $0 : nil }
        let enlarger = kept ?? Enlarger(of: maskLogits, geometry: geometry)
        self.enlarger = enlarger
        return distinct.of(
            trackedInstances(
                frame, geometry, numThings: numThings, limits: limits, numbers: &numbers, enlarger: enlarger))
    }
}
