private let opacity = 0.45

/// Some pixels of an image, each by its place row by row.
public enum PixelRegion: Sendable {
    /// The pixels of a mask.
    case ofMask([Bool])
    /// The pixels of a map that have a value.
    case ofMap([Int32], value: Int32)

    /// Whether each pixel belongs to it.
    var mask: [Bool] {
        switch self {
        case .ofMask(let mask): mask
        case .ofMap(let map, let value): map.map { $0 == value }
        }
    }
}

/// One region to paint, and its colour.
public struct Layer: Sendable {
    public let region: PixelRegion
    public let colour: UInt32

    public init(region: PixelRegion, colour: UInt32) {
        self.region = region
        self.colour = colour
    }
}

/// A contour width in pixels that suits an image's size.
public func lineWidth(_ size: Size) -> Int {
    max(1, Int((Double(max(size.height, size.width)) / 500).rounded(.toNearestOrEven)))
}

/// Tints the insides of masks and draws their contours, in place; other pixels stay as they are. Where masks overlap the
/// topmost gives the tint; rapsam/tasks/overlay.py.
///
/// - Parameters:
///   - layers: From the bottom to the top, of the image's size.
///   - width: Of the contours, in pixels.
public func paintMasks(_ canvas: inout Picture, _ layers: [Layer], width: Int) {
    let masks = layers.map(\.region.mask)
    var taken = [Bool](repeating: false, count: canvas.size.area)
    for (layer, mask) in zip(layers, masks).reversed() { tint(&canvas, mask, layer.colour, &taken) }
    for (layer, mask) in zip(layers, masks) { outline(&canvas, mask, layer.colour, width) }
}

/// Tints the pixels that no layer above has taken, and takes them.
private func tint(_ canvas: inout Picture, _ mask: [Bool], _ colour: UInt32, _ taken: inout [Bool]) {
    let (reds, greens, blues) = (tintTable(red(colour)), tintTable(green(colour)), tintTable(blue(colour)))
    for i in 0..<mask.count where mask[i] && !taken[i] {
        taken[i] = true
        let before = canvas.argb[i]
        canvas.argb[i] = packed(reds[red(before)], greens[green(before)], blues[blue(before)])
    }
}

/// What each of the 256 values of a channel becomes.
private func tintTable(_ part: Int) -> [Int] {
    let ink = Float(part) * Float(opacity)
    return (0..<256).map { before in Int(Float(before) * Float(1 - opacity) + ink + 0.5) }
}

private func outline(_ canvas: inout Picture, _ mask: [Bool], _ colour: UInt32, _ width: Int) {
    guard let around = Extent(of: mask, canvas.size) else { return }
    let whole = around.cut(mask, canvas.size)
    var inner = whole
    for _ in 0..<width { inner = eroded(inner, around.height, around.width) }
    let line = lightened(colour)
    for i in 0..<whole.count where whole[i] && !inner[i] {
        canvas.argb[(around.top + i / around.width) * canvas.size.width + around.left + i % around.width] = line
    }
}

/// The rectangle of a region and one pixel around it; ends exclusive.
private struct Extent {
    let top: Int
    let left: Int
    let height: Int
    let width: Int

    /// Nil for an empty region.
    init?(of mask: [Bool], _ size: Size) {
        var (top, bottom, left, right) = (size.height, 0, size.width, 0)
        for y in 0..<size.height {
            for x in 0..<size.width where mask[y * size.width + x] {
                (top, bottom) = (min(top, y), y + 1)
                (left, right) = (min(left, x), max(right, x + 1))
            }
        }
        if bottom == 0 { return nil }
        self.top = max(top - 1, 0)
        self.left = max(left - 1, 0)
        height = min(bottom + 1, size.height) - self.top
        width = min(right + 1, size.width) - self.left
    }

    func cut(_ mask: [Bool], _ size: Size) -> [Bool] {
        (0..<height).flatMap { y in
            let start = (top + y) * size.width + left
            return mask[start..<start + width]
        }
    }
}

/// Without the pixels that have a neighbour outside the mask; the frame is no outside.
private func eroded(_ mask: [Bool], _ height: Int, _ width: Int) -> [Bool] {
    var inner = mask
    for y in 0..<height {
        for x in 0..<width {
            let i = y * width + x
            let isEdge =
                (y > 0 && !mask[i - width]) || (y < height - 1 && !mask[i + width]) || (x > 0 && !mask[i - 1])
                || (x < width - 1 && !mask[i + 1])
            if isEdge { inner[i] = false }
        }
    }
    return inner
}
