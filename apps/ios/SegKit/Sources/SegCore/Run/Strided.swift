/// Brings numbers that lie anywhere in memory into C order, as runtimes pad the rows of what they return.
///
/// - Parameters:
///   - start: Of the numbers.
///   - count: How many lie there, the padding among them.
///   - shape: Of the tensor.
///   - strides: Numbers from one entry of each axis to the next.
/// - Throws: `Problem` if they would lead out of the memory.
public func contiguous(_ start: UnsafePointer<Float>, count: Int, shape: [Int], strides: [Int]) throws -> [Float] {
    let last = zip(shape, strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
    guard shape.count == strides.count, !shape.contains(where: { $0 < 1 }), !strides.contains(where: { $0 < 0 }),
        last < count
    else {
        throw Problem(
            "the runtime returned \(shape) with strides \(strides) in \(count) numbers; take another compute unit")
    }
    let inOrder = shape.indices.map { shape[($0 + 1)...].reduce(1, *) }
    if strides == inOrder { return Array(UnsafeBufferPointer(start: start, count: shape.reduce(1, *))) }
    let (rows, width) = (shape.dropLast(), shape.last ?? 1)
    let step = strides.last ?? 1
    var found: [Float] = []
    found.reserveCapacity(shape.reduce(1, *))
    var place = [Int](repeating: 0, count: rows.count)
    while true {
        let row = start + zip(place, strides).reduce(0) { $0 + $1.0 * $1.1 }
        for column in 0..<width { found.append(row[column * step]) }
        guard let axis = place.indices.last(where: { place[$0] + 1 < shape[$0] }) else { return found }
        place[axis] += 1
        for later in place.indices where later > axis { place[later] = 0 }
    }
}
