private let smallestLength: Float = .leastNormalMagnitude

/// A frame whose queries are in the order of the first frame, but for its masks, which are large and stay where they are.
public struct AssociatedFrame: Sendable {
    /// (N, K+1), mean of this frame and all before.
    public let classLogits: Tensor
    /// (N, C).
    public let queries: Tensor
    /// (N, h, w) in the frame's own order.
    public let maskLogits: Tensor
    /// (N) place i holds the frame's own query `order[i]`.
    public let order: [Int]
}

/// Finds which current query continues which previous one: Hungarian matching of 1 - cosine; rapsam/tasks/tracker.py.
///
/// - Parameters:
///   - previous: (N, C).
///   - current: (N, C).
/// - Returns: (N) `current[result]` is in the order of `previous`.
/// - Throws: `Problem` if the shapes differ or a value is not finite.
public func matchQueries(_ previous: Tensor, _ current: Tensor) throws -> [Int] {
    guard previous.shape.count == 2, previous.shape == current.shape else {
        throw Problem(
            "queries have the shapes \(previous.shape) and \(current.shape); expected (queries, channels) twice: export "
                + "the bundle again")
    }
    try checkFinite("queries", previous.data)
    try checkFinite("queries", current.data)
    let (count, channels) = (previous.shape[0], previous.shape[1])
    let before = ofUnitLength(previous)
    let now = ofUnitLength(current)
    var cost = [Float](repeating: 0, count: count * count)
    for row in 0..<count {
        for column in 0..<count {
            var cosine = 0.0
            for i in 0..<channels {
                cosine += Double(before[row * channels + i]) * Double(now[column * channels + i])
            }
            cost[row * count + column] = 1 - Float(cosine)
        }
    }
    return try cheapestAssignment(cost, count: count)
}

/// Puts the queries of frame after frame into one order; remembers the queries of a single frame.
public struct NearOnlineTracker {
    private var queries: Tensor?
    private var sum: [Double] = []
    private var frames = 0

    public init() {}

    /// Takes the next frame.
    ///
    /// - Parameters:
    ///   - classLogits: (N, K+1).
    ///   - queries: (N, C) final query embeddings.
    ///   - maskLogits: (N, h, w).
    /// - Returns: With the running mean of the class logits.
    /// - Throws: `Problem` if the arrays do not fit each other or the frames before, or are not finite.
    public mutating func update(classLogits: Tensor, queries: Tensor, maskLogits: Tensor) throws -> AssociatedFrame {
        try checkLogits(classLogits, maskLogits, numThings: 0)
        let count = classLogits.shape[0]
        if queries.shape.first != count || (self.queries != nil && sum.count != classLogits.data.count) {
            throw Problem(
                "class logits have the shape \(classLogits.shape) beside queries of \(queries.shape); expected the same "
                    + "queries and classes in every output and frame: export the bundle again")
        }
        // Also of the first frame: kept, it would be what all later ones are refused for.
        try checkFinite("queries", queries.data)
        let order = try self.queries.map { try matchQueries($0, queries) } ?? Array(0..<count)
        let ordered = inOrder(queries, order)
        self.queries = ordered
        return AssociatedFrame(
            classLogits: mean(with: inOrder(classLogits, order)), queries: ordered,
            maskLogits: maskLogits, order: order)
    }

    private mutating func mean(with classLogits: Tensor) -> Tensor {
        if frames == 0 { sum = [Double](repeating: 0, count: classLogits.data.count) }
        frames += 1
        for i in 0..<sum.count { sum[i] += Double(classLogits.data[i]) }
        return Tensor(data: sum.map { Float($0 / Double(frames)) }, shape: classLogits.shape)
    }
}

/// The entries along the first axis in another order.
private func inOrder(_ tensor: Tensor, _ order: [Int]) -> Tensor {
    let step = tensor.data.count / max(order.count, 1)
    var data: [Float] = []
    data.reserveCapacity(tensor.data.count)
    for place in order { data += tensor.data[place * step..<(place + 1) * step] }
    return Tensor(data: data, shape: tensor.shape)
}

private func ofUnitLength(_ vectors: Tensor) -> [Float] {
    let channels = vectors.shape[1]
    var found = vectors.data
    for start in stride(from: 0, to: found.count, by: max(channels, 1)) {
        var squares = 0.0
        for i in start..<start + channels { squares += Double(found[i]) * Double(found[i]) }
        let length = max(Float(squares).squareRoot(), smallestLength)
        for i in start..<start + channels { found[i] /= length }
    }
    return found
}
