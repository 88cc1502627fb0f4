/// Cuts one mask per prompt out of the mask logits; rapsam/tasks/prompt.py.
///
/// - Parameter maskLogits: (K, h, w) at any stride of the padded input.
/// - Returns: K masks (h0, w0): where the enlarged logit is above 0.
/// - Throws: `Problem` if the shape is another, or a value is not finite.
public func interactiveMasks(_ maskLogits: Tensor, _ geometry: Geometry) throws -> [[Bool]] {
    let shape = maskLogits.shape
    guard shape.count == 3, !shape.contains(0) else {
        throw Problem(
            "mask logits have the shape \(shape); expected (prompts, height, width): export the bundle again")
    }
    try checkFinite("mask logits", maskLogits.data)
    let enlarger = Enlarger(source: PixelSize(height: shape[1], width: shape[2]), geometry: geometry)
    return maskLogits.data.withUnsafeBufferPointer { logits in
        (0..<shape[0]).map { map in
            let start = logits.baseAddress! + map * shape[1] * shape[2]
            return [Bool](unsafeUninitializedCapacity: geometry.original.area) { mask, count in
                for tile in enlarger.tiles { cut(tile, start, enlarger, mask) }
                count = geometry.original.area
            }
        }
    }
}

private func cut(
    _ tile: Tile, _ logits: UnsafePointer<Float>, _ enlarger: Enlarger, _ mask: UnsafeMutableBufferPointer<Bool>
) {
    // An enlarged logit is a mean of these with no negative weight, so where all agree it does too.
    let agreed = agreement(logits, enlarger.source.width, tile)
    if agreed == nil { enlarger.enlarge(logits, tile) }
    for (row, y) in tile.rows.enumerated() {
        let from = y * enlarger.geometry.original.width
        for (column, x) in tile.columns.enumerated() {
            mask[from + x] = agreed ?? (enlarger.values[row * tile.width + column] > 0)
        }
    }
}

/// Whether all logits of a tile are above 0, or none; nil where some are.
private func agreement(_ logits: UnsafePointer<Float>, _ width: Int, _ tile: Tile) -> Bool? {
    let first = logits[tile.sourceRows.lowerBound * width + tile.sourceColumns.lowerBound] > 0
    for y in tile.sourceRows {
        for x in tile.sourceColumns where (logits[y * width + x] > 0) != first { return nil }
    }
    return first
}
