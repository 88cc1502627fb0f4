/// A thing has the map value class + 1000 * instance, a stuff class its class, void the class count.
public let instanceStep = 1000

/// One object, or all of a material.
public struct Segment: Sendable {
    /// Its value in the map.
    public let id: Int
    public let classIndex: Int
    /// Whether it is one object (thing) or all of a material (stuff).
    public let isThing: Bool
    /// Class probability of its query, 0..1.
    public let score: Float
    /// Pixels at the original size.
    public let area: Int
    /// Index of its query; stuff painted by several queries names the best one.
    public let query: Int

    /// Number among the things of the image, from 0; 0 for stuff.
    var instance: Int { max(id / instanceStep - 1, 0) }
}

/// What is where in an image.
public struct PanopticResult: Sendable {
    /// (h0, w0).
    public let map: [Int32]
    public let size: PixelSize
    /// One per value of the map but void, in the order of painting.
    public let segments: [Segment]
    /// Value of the pixels that belong to no segment.
    public let void: Int
}

/// What it takes to be found.
public struct Thresholds: Sendable {
    /// A query needs a larger class probability than this.
    public let score: Double
    /// A query needs to win at least this share of its own mask.
    public let overlap: Double

    public init(score: Double, overlap: Double) {
        self.score = score
        self.overlap = overlap
    }
}

/// Queries that passed the score threshold, in their order.
private struct Candidates {
    var queries: [Int] = []
    var classes: [Int] = []
    var scores: [Float] = []
}

/// Fuses the queries of one image into a panoptic map; rapsam/tasks/panoptic.py.
///
/// - Parameters:
///   - classLogits: (N, K+1), void last.
///   - maskLogits: (N, h, w) at any stride of the padded input.
///   - numThings: The first classes that are things.
///   - fusion: Kept from frame to frame by a video, whose sizes stay the same; else nil.
/// - Throws: `Problem` if the logits do not fit each other or are not finite.
public func panopticSegmentation(
    _ classLogits: Tensor, _ maskLogits: Tensor, _ geometry: Geometry, numThings: Int, thresholds: Thresholds,
    fusion kept: MaskFusion? = nil
) throws -> PanopticResult {
    try checkLogits(classLogits, maskLogits, numThings: numThings)
    let source = PixelSize(height: maskLogits.shape[1], width: maskLogits.shape[2])
    let fusion = kept ?? MaskFusion(source: source, geometry: geometry)
    precondition(fusion.geometry == geometry && fusion.source == source)
    let void = classLogits.shape[1] - 1
    let size = geometry.original
    let candidates = select(classLogits, thresholds.score)
    if candidates.queries.isEmpty {
        return PanopticResult(
            map: [Int32](repeating: Int32(void), count: size.area), size: size, segments: [], void: void)
    }
    maskLogits.data.withUnsafeBufferPointer { logits in
        fusion.fuse(
            Contenders(logits: logits.baseAddress!, maps: candidates.queries, scores: candidates.scores))
    }
    let values = mapValues(candidates, fusion, numThings, void, thresholds.overlap)
    var areas = [Int](repeating: 0, count: values.count)
    let map = [Int32](unsafeUninitializedCapacity: size.area) { map, count in
        for i in 0..<size.area {
            let winner = Int(fusion.winners[i])
            let isConfident = fusion.confident[i]
            map[i] = Int32(truncatingIfNeeded: isConfident ? values[winner] : void)
            if isConfident { areas[winner] += 1 }
        }
        count = size.area
    }
    let segments = segmentsOf(candidates, values, areas, numThings, void)
    return PanopticResult(map: map, size: size, segments: segments, void: void)
}

private func select(_ classLogits: Tensor, _ scoreThreshold: Double) -> Candidates {
    let void = classLogits.shape[1] - 1
    var probabilities = [Float](repeating: 0, count: void + 1)
    var found = Candidates()
    for query in 0..<classLogits.shape[0] {
        probabilities.withUnsafeMutableBufferPointer { softmax(classLogits, query, into: $0) }
        var best = 0
        for label in 1...void where probabilities[label] > probabilities[best] { best = label }
        guard best != void, Double(probabilities[best]) > scoreThreshold else { continue }
        found.queries.append(query)
        found.classes.append(best)
        found.scores.append(probabilities[best])
    }
    return found
}

/// The map value of every candidate: void for one that lost too much of its own mask.
private func mapValues(
    _ candidates: Candidates, _ fusion: MaskFusion, _ numThings: Int, _ void: Int, _ overlap: Double
) -> [Int] {
    var instances = 0
    return candidates.classes.enumerated().map { candidate, label in
        let won = fusion.won[candidate]
        let own = fusion.own[candidate]
        if won == 0 || own == 0 || Double(won) / Double(own) < overlap { return void }
        if label >= numThings { return label }
        instances += 1
        return label + instances * instanceStep
    }
}

private func segmentsOf(
    _ candidates: Candidates, _ values: [Int], _ areas: [Int], _ numThings: Int, _ void: Int
) -> [Segment] {
    var segments: [Segment] = []
    for (candidate, id) in values.enumerated() where id != void && areas[candidate] != 0 {
        let label = candidates.classes[candidate]
        let found = Segment(
            id: id, classIndex: label, isThing: label < numThings, score: candidates.scores[candidate],
            area: areas[candidate], query: candidates.queries[candidate])
        if let place = segments.firstIndex(where: { $0.id == id }) {
            segments[place] = merged(segments[place], found)
        } else {
            segments.append(found)
        }
    }
    return segments
}

private func merged(_ first: Segment, _ second: Segment) -> Segment {
    let best = first.score >= second.score ? first : second
    return Segment(
        id: best.id, classIndex: best.classIndex, isThing: best.isThing, score: best.score,
        area: first.area + second.area, query: best.query)
}
