/// A query, a thing class and the probability of that class.
struct ScoredPair {
    let query: Int
    let label: Int
    let probability: Float
}

/// How many instances to look at, and which to leave out.
public struct Limits: Sendable {
    /// Pairs of query and class to keep.
    public let topK: Int
    /// Instances below are left out.
    public let minScore: Double

    public init(topK: Int, minScore: Double) {
        self.topK = topK
        self.minScore = minScore
    }
}

/// A box in pixels, ends exclusive; zeros for an empty mask.
public struct PixelBox: Equatable, Sendable {
    public let x1: Int
    public let y1: Int
    public let x2: Int
    public let y2: Int
}

/// One object of one frame.
public struct Instance: Sendable {
    /// Class probability times mean mask probability, 0..1.
    public let score: Float
    /// Index of the class.
    public let label: Int
    public let query: Int
    public let box: PixelBox
    /// (h0, w0). Instances of one query share it.
    public let mask: [Bool]
}

/// Picks the most probable pairs of query and class, then drops those of stuff; equals keep the queries' order.
func rankPairs(_ classLogits: Tensor, numThings: Int, topK: Int) -> [ScoredPair] {
    let columns = classLogits.shape[1]
    let probabilities = softmax(classLogits)
    var pairs: [ScoredPair] = []
    for query in 0..<classLogits.shape[0] {
        for label in 0..<columns - 1 {
            pairs.append(
                ScoredPair(query: query, label: label, probability: probabilities[query * columns + label]))
        }
    }
    // Swift's sort keeps the order of equals.
    pairs.sort { $0.probability > $1.probability }
    return pairs.prefix(topK).filter { $0.label < numThings }
}

/// Adds to every pair its mask, its box and its score, in the order of the pairs; each query is enlarged once.
///
/// - Parameter order: Of each query, which of the mask logits are its own.
func maskedInstances(
    _ pairs: [ScoredPair], _ maskLogits: Tensor, _ enlarger: Enlarger, order: [Int], minScore: Double
) -> [Instance] {
    var seen: [Int: Sight] = [:]
    return pairs.compactMap { pair in
        if Double(pair.probability) < minScore { return nil }
        let sight = seen[pair.query] ?? Sight(enlarger, maskLogits.data, order[pair.query])
        seen[pair.query] = sight
        let score = pair.probability * sight.probability
        if minScore > 0 && Double(score) < minScore { return nil }
        return Instance(score: score, label: pair.label, query: pair.query, box: sight.box, mask: sight.mask)
    }
}

/// In falling order of score, equal ones by class.
func byScore(_ instances: [Instance]) -> [Instance] {
    instances.sorted { $0.score != $1.score ? $0.score > $1.score : $0.label < $1.label }
}

/// The mask of a query at the original size, the box around it, and its mean probability inside.
private struct Sight {
    private(set) var mask: [Bool]
    private(set) var box = PixelBox(x1: 0, y1: 0, x2: 0, y2: 0)
    private(set) var probability: Float = 0

    init(_ enlarger: Enlarger, _ logits: [Float], _ place: Int) {
        let size = enlarger.geometry.original
        mask = [Bool](repeating: false, count: size.area)
        var (left, top, right, bottom) = (size.width, size.height, 0, 0)
        var inside = 0
        var sum = 0.0
        logits.withUnsafeBufferPointer { logits in
            let map = logits.baseAddress! + place * enlarger.source.area
            for tile in enlarger.tiles {
                enlarger.enlarge(map, tile)
                for (row, y) in tile.rows.enumerated() {
                    for (column, x) in tile.columns.enumerated() {
                        let logit = enlarger.values[row * tile.width + column]
                        guard logit > 0 else { continue }
                        mask[y * size.width + x] = true
                        inside += 1
                        sum += Double(sigmoid(logit))
                        (left, right) = (min(left, x), max(right, x + 1))
                        (top, bottom) = (min(top, y), max(bottom, y + 1))
                    }
                }
            }
        }
        if inside > 0 { box = PixelBox(x1: left, y1: top, x2: right, y2: bottom) }
        probability = Float(sum) / (Float(inside) + 1e-6)
    }
}
