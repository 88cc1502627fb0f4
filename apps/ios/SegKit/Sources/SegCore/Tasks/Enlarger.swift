/// A rectangle of the original image, and the logits that it reads.
struct Tile {
    let rows: Range<Int>
    let columns: Range<Int>
    let sourceRows: Range<Int>
    let sourceColumns: Range<Int>

    /// Columns of the original image.
    var width: Int { columns.count }
}

/// The way of mask logits to the original image's size, tile by tile; `original_tiles` of rapsam/tasks/resize.py.
/// Make it once for all frames of a video. Not for several threads at a time.
final class Enlarger {
    private static let tileSide = 64

    /// Size of the mask logits, at any stride of the padded input.
    let source: PixelSize
    let geometry: Geometry
    /// They cover the original image once, row by row.
    let tiles: [Tile]
    /// Values of the tile that was enlarged last, row by row.
    let values = Memory<Float>(0, count: tileSide * tileSide)
    private let between: Memory<Float>
    private let down: AxisWeights
    private let across: AxisWeights

    init(source: PixelSize, geometry: Geometry) {
        self.source = source
        self.geometry = geometry
        let (padded, content, original) = (geometry.padded, geometry.content, geometry.original)
        let down = AxisWeights(
            source: source.height, padded: padded.height, content: content.height, original: original.height)
        let across = AxisWeights(
            source: source.width, padded: padded.width, content: content.width, original: original.width)
        tiles = down.pieces(Self.tileSide).flatMap { rows in
            across.pieces(Self.tileSide).map { columns in
                Tile(
                    rows: rows.original, columns: columns.original,
                    sourceRows: rows.source, sourceColumns: columns.source)
            }
        }
        between = Memory(0, count: source.height * Self.tileSide)
        self.down = down
        self.across = across
    }

    /// - Parameter maskLogits: (N, h, w).
    convenience init(of maskLogits: Tensor, geometry: Geometry) {
        self.init(source: PixelSize(height: maskLogits.shape[1], width: maskLogits.shape[2]), geometry: geometry)
    }

    /// Whether it is for maps of this size.
    func fits(_ maskLogits: Tensor, _ geometry: Geometry) -> Bool {
        [source.height, source.width] == Array(maskLogits.shape.suffix(2)) && self.geometry == geometry
    }

    /// Enlarges a tile of a map into `values`.
    ///
    /// - Parameter map: (h, w), of the source's size.
    func enlarge(_ map: UnsafePointer<Float>, _ tile: Tile) {
        let width = tile.width
        for y in tile.sourceRows {
            blendAlong(map + y * source.width, tile, between.start + (y - tile.sourceRows.lowerBound) * width)
        }
        for y in tile.rows {
            let first = between.start + (down.first[y] - tile.sourceRows.lowerBound) * width
            blendAcross(first, y, values.start + (y - tile.rows.lowerBound) * width, width)
        }
    }

    /// Blends neighbours of a row of the logits.
    private func blendAlong(_ row: UnsafePointer<Float>, _ tile: Tile, _ to: UnsafeMutablePointer<Float>) {
        let count = across.count
        let start = tile.columns.lowerBound
        across.first.withUnsafeBufferPointer { firsts in
            across.weights.withUnsafeBufferPointer { weights in
                for x in 0..<tile.width {
                    let place = firsts[start + x]
                    let at = (start + x) * count
                    var sum = weights[at] * row[place]
                    for tap in 1..<max(count, 1) { sum += weights[at + tap] * row[place + tap] }
                    to[x] = sum
                }
            }
        }
    }

    /// Blends rows that lie one after another into one.
    private func blendAcross(
        _ rows: UnsafePointer<Float>, _ pixel: Int, _ to: UnsafeMutablePointer<Float>, _ width: Int
    ) {
        let count = down.count
        let first = down.weights[pixel * count]
        for x in 0..<width { to[x] = first * rows[x] }
        for tap in 1..<max(count, 1) {
            let weight = down.weights[pixel * count + tap]
            let row = rows + tap * width
            for x in 0..<width { to[x] += weight * row[x] }
        }
    }
}

/// Brings mask logits to the original size.
///
/// - Parameter maskLogits: (N, h, w).
/// - Returns: (N, h0, w0).
public func toOriginal(_ maskLogits: Tensor, _ geometry: Geometry) -> Tensor {
    let (count, height, width) = (maskLogits.shape[0], maskLogits.shape[1], maskLogits.shape[2])
    let enlarger = Enlarger(source: PixelSize(height: height, width: width), geometry: geometry)
    let size = geometry.original
    var data = [Float](repeating: 0, count: count * size.area)
    maskLogits.data.withUnsafeBufferPointer { logits in
        guard let start = logits.baseAddress else { return }
        for tile in enlarger.tiles {
            for map in 0..<count {
                enlarger.enlarge(start + map * height * width, tile)
                for (row, y) in tile.rows.enumerated() {
                    for (column, x) in tile.columns.enumerated() {
                        data[(map * size.height + y) * size.width + x] = enlarger.values[row * tile.width + column]
                    }
                }
            }
        }
    }
    return Tensor(data: data, shape: [count, size.height, size.width])
}
