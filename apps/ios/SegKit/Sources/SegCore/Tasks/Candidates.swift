/// What tells the best of several candidate masks.
public enum Choice: String, CaseIterable, Sendable {
    case iou
    case stability
}

/// How far the threshold of 0 is moved up and down to see how much of a mask depends on it.
private let stabilityOffset: Float = 1

/// Chooses a candidate mask for each prompt; rapsam/tasks/candidates.py.
///
/// - Parameters:
///   - scores: (K, M) predicted IoU or stability of the candidates.
///   - ambiguous: (K) which prompts mean the best of several; the others mean `single`, if there is one.
///   - single: Nil if all are meant alike.
/// - Returns: (K) the first of equals.
func chosenCandidates(_ scores: [Float], ambiguous: [Bool], single: Int?) -> [Int] {
    let count = scores.count / max(ambiguous.count, 1)
    return ambiguous.enumerated().map { prompt, isAmbiguous in
        if let single, !isAmbiguous { return single }
        let offered = (0..<count).filter { $0 != single }
        let own = scores[prompt * count..<(prompt + 1) * count]
        return offered.reduce(offered.first ?? 0) { best, next in
            own[own.startIndex + next] > own[own.startIndex + best] ? next : best
        }
    }
}

/// Measures the stability of those candidates among which `chosenCandidates` chooses.
///
/// - Parameters:
///   - maskLogits: (K * M, h, w) at any stride of the padded input.
///   - ambiguous: (K), and `single`; see there.
/// - Returns: (K, M), 0..1; 0 for all that are not asked for.
/// - Throws: `Problem` if a value is not finite.
func stabilityToChoose(
    _ maskLogits: Tensor, _ geometry: Geometry, ambiguous: [Bool], single: Int?
) throws -> [Float] {
    let total = maskLogits.shape[0]
    let count = total / max(ambiguous.count, 1)
    let asked = (0..<total).filter { single == nil || ambiguous[$0 / count] && $0 % count != single }
    var scores = [Float](repeating: 0, count: total)
    for (place, score) in zip(asked, try stabilityScores(maskLogits, geometry, of: asked)) { scores[place] = score }
    return scores
}

/// Measures how little masks change when their threshold moves: pixels of the original image above +1, by those above -1.
///
/// - Parameters:
///   - maskLogits: (N, h, w) at any stride of the padded input.
///   - places: Of the masks that are measured; nil for all.
/// - Returns: Of each of them, 0..1; 0 for a mask without any pixel above -1.
/// - Throws: `Problem` if a value is not finite.
func stabilityScores(_ maskLogits: Tensor, _ geometry: Geometry, of places: [Int]? = nil) throws -> [Float] {
    try checkFinite("mask logits", maskLogits.data)
    let source = PixelSize(height: maskLogits.shape[1], width: maskLogits.shape[2])
    let enlarger = Enlarger(source: source, geometry: geometry)
    return maskLogits.data.withUnsafeBufferPointer { logits in
        (places ?? Array(0..<maskLogits.shape[0])).map { map in
            var (core, reach) = (0, 0)
            for tile in enlarger.tiles {
                enlarger.enlarge(logits.baseAddress! + map * source.area, tile)
                for i in 0..<tile.rows.count * tile.width {
                    if enlarger.values[i] > stabilityOffset { core += 1 }
                    if enlarger.values[i] > -stabilityOffset { reach += 1 }
                }
            }
            return Float(Double(core) / Double(max(reach, 1)))
        }
    }
}
