import Foundation

/// Classes at most: the panoptic map holds class + 1000 * instance.
private let maxClasses = 999
private let largestLogit: Float = 80

/// Checks that the two outputs of a graph fit each other and are finite; rapsam/tasks/logits.py.
///
/// - Parameters:
///   - classLogits: (N, K+1).
///   - maskLogits: (N, h, w).
///   - numThings: How many of the K classes are things; they come first.
/// - Throws: `Problem` if not.
func checkLogits(_ classLogits: Tensor, _ maskLogits: Tensor, numThings: Int) throws {
    let columns = classLogits.shape.count == 2 ? classLogits.shape[1] : 0
    guard (2...maxClasses + 1).contains(columns) else {
        throw Problem(
            "class logits have the shape \(classLogits.shape); expected (queries, classes + 1) with 1 to "
                + "\(maxClasses) classes: export the bundle again")
    }
    let queries = classLogits.shape[0]
    let shape = maskLogits.shape
    guard shape.count == 3, shape[0] == queries, !shape.dropFirst().contains(0) else {
        throw Problem(
            "mask logits have the shape \(shape); expected 3 axes, the first of \(queries) queries as in the class "
                + "logits: export the bundle again")
    }
    guard (0..<columns).contains(numThings) else {
        throw Problem("\(numThings) thing classes for logits of \(columns - 1) classes; export the bundle again")
    }
    try checkFinite("class logits", classLogits.data)
    try checkFinite("mask logits", maskLogits.data)
}

/// Throws a `Problem` if an output of a graph holds NaN or infinity, as after an fp16 overflow.
func checkFinite(_ name: String, _ values: [Float]) throws {
    // Nothing but NaN and infinity times 0 is other than 0. Eight sums, so that they are made side by side.
    var sums = SIMD8<Float>.zero
    values.withUnsafeBufferPointer { numbers in
        var at = 0
        while at + 8 <= numbers.count {
            let place = UnsafeRawPointer(numbers.baseAddress! + at)
            sums += place.loadUnaligned(as: SIMD8<Float>.self) * 0
            at += 8
        }
        for place in at..<numbers.count { sums[0] += numbers[place] * 0 }
    }
    guard sums == .zero else {
        let count = values.filter { !$0.isFinite }.count
        throw Problem(
            "the network's \(name) hold \(count) NaN or infinite values; take another compute unit, or export the "
                + "bundle at fp32")
    }
}

/// Turns logits into probabilities over the last axis.
///
/// - Parameter logits: (N, K).
func softmax(_ logits: Tensor) -> [Float] {
    let columns = logits.shape[1]
    var found = [Float](repeating: 0, count: logits.data.count)
    found.withUnsafeMutableBufferPointer { found in
        for row in 0..<logits.shape[0] {
            softmax(logits, row, into: UnsafeMutableBufferPointer(rebasing: found[row * columns..<(row + 1) * columns]))
        }
    }
    return found
}

/// Turns the logits of a row into probabilities.
func softmax(_ logits: Tensor, _ row: Int, into found: UnsafeMutableBufferPointer<Float>) {
    logits.data.withUnsafeBufferPointer { numbers in
        let start = row * found.count
        var highest = -Float.infinity
        for i in 0..<found.count { highest = max(highest, numbers[start + i]) }
        var sum = 0.0
        for i in 0..<found.count {
            found[i] = Float(exp(Double(numbers[start + i] - highest)))
            sum += Double(found[i])
        }
        let whole = Float(sum)
        for i in 0..<found.count { found[i] /= whole }
    }
}

/// Probability of a logit, in float32 and without overflow.
func sigmoid(_ logit: Float) -> Float {
    let clipped = min(max(logit, -largestLogit), largestLogit)
    return 1 / (1 + Float(exp(-Double(clipped))))
}
