private let opacity = 0.45

/// Some pixels of an image, each by its place row by row.
public enum PixelRegion: Sendable {
    /// The pixels of a mask.
    case ofMask([Bool])
    /// The pixels of a map that have a value.
    case ofMap([Int32], value: Int32)
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
public func lineWidth(_ size: PixelSize) -> Int {
    max(1, Int((Double(max(size.height, size.width)) / 500).rounded(.toNearestOrEven)))
}

/// Paints one image; see `MaskPainter`.
public func paintMasks(_ canvas: inout Picture, _ layers: [Layer], width: Int) {
    MaskPainter(size: canvas.size).paint(&canvas, layers, width: width)
}

/// Paints masks over images of one size; rapsam/tasks/overlay.py. A live camera keeps one, with its arrays.
public final class MaskPainter {
    /// Of the images.
    public let size: PixelSize
    private let mask: Memory<Bool>
    private let taken: Memory<Bool>
    /// Of the mask's extent alone.
    private let inner: Memory<Bool>
    private let eroded: Memory<Bool>
    /// What each of the 256 values of R, G and B becomes.
    private let tints = Memory<UInt32>(0, count: 3 * 256)

    public init(size: PixelSize) {
        self.size = size
        mask = Memory(false, count: size.area)
        taken = Memory(false, count: size.area)
        inner = Memory(false, count: size.area)
        eroded = Memory(false, count: size.area)
    }

    /// Tints the insides of masks and draws their contours, in place; other pixels stay as they are. Where masks overlap
    /// the topmost gives the tint.
    ///
    /// - Parameters:
    ///   - layers: From the bottom to the top, of the image's size.
    ///   - width: Of the contours, in pixels.
    public func paint(_ canvas: inout Picture, _ layers: [Layer], width: Int) {
        precondition(canvas.size == size)
        taken.fill(false)
        canvas.argb.withUnsafeMutableBufferPointer { pixels in
            for layer in layers.reversed() {
                take(layer.region)
                tint(pixels, layer.colour)
            }
            for layer in layers {
                take(layer.region)
                outline(pixels, layer.colour, width)
            }
        }
    }

    /// Brings a region into the mask.
    private func take(_ region: PixelRegion) {
        switch region {
        case .ofMask(let pixels):
            precondition(pixels.count == size.area)
            pixels.withUnsafeBufferPointer { mask.start.update(from: $0.baseAddress!, count: size.area) }
        case .ofMap(let map, let value):
            precondition(map.count == size.area)
            map.withUnsafeBufferPointer { map in
                for i in 0..<size.area { mask.start[i] = map[i] == value }
            }
        }
    }

    /// Tints the pixels that no layer above has taken, and takes them.
    private func tint(_ pixels: UnsafeMutableBufferPointer<UInt32>, _ colour: UInt32) {
        for (channel, part) in [red(colour), green(colour), blue(colour)].enumerated() {
            let ink = Float(part) * Float(opacity)
            for before in 0..<256 {
                let mixed = UInt32(Float(before) * Float(1 - opacity) + ink + 0.5)
                tints[256 * channel + before] = mixed << UInt32(16 - 8 * channel)
            }
        }
        for i in 0..<size.area where mask.start[i] && !taken.start[i] {
            taken.start[i] = true
            let before = pixels[i]
            pixels[i] =
                0xFF00_0000 | tints.start[red(before)] | tints.start[256 + green(before)]
                | tints.start[512 + blue(before)]
        }
    }

    private func outline(_ pixels: UnsafeMutableBufferPointer<UInt32>, _ colour: UInt32, _ width: Int) {
        guard let around = Extent(of: mask.start, size) else { return }
        for y in 0..<around.height {
            let from = mask.start + (around.top + y) * size.width + around.left
            inner.start.advanced(by: y * around.width).update(from: from, count: around.width)
        }
        for _ in 0..<width { erode(around.height, around.width) }
        let line = lightened(colour)
        for y in 0..<around.height {
            let start = (around.top + y) * size.width + around.left
            for x in 0..<around.width where mask.start[start + x] && !inner.start[y * around.width + x] {
                pixels[start + x] = line
            }
        }
    }

    /// Takes away the pixels that have a neighbour outside the mask; the frame is no outside.
    private func erode(_ height: Int, _ width: Int) {
        let (mask, found) = (inner.start, eroded.start)
        for y in 0..<height {
            for x in 0..<width {
                let i = y * width + x
                let isEdge =
                    (y > 0 && !mask[i - width]) || (y < height - 1 && !mask[i + width]) || (x > 0 && !mask[i - 1])
                    || (x < width - 1 && !mask[i + 1])
                found[i] = mask[i] && !isEdge
            }
        }
        mask.update(from: found, count: height * width)
    }
}

/// The rectangle of a region and one pixel around it; ends exclusive.
private struct Extent {
    let top: Int
    let left: Int
    let height: Int
    let width: Int

    /// Nil for an empty region.
    init?(of mask: UnsafePointer<Bool>, _ size: PixelSize) {
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
}
