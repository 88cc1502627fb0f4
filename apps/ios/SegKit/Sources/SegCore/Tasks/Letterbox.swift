/// An image in the input of the network: (1, 3, H, W), R, G, B, 0..255, not normalised; and the way back.
public struct Fitted: Sendable {
    public let pixels: Tensor
    public let geometry: Geometry
}

/// How an image meets the input of a graph; both keep its aspect ratio.
public enum Fit: String, CaseIterable, Sendable {
    case letterbox
    /// Of networks of the kind of SAM.
    case longestSide = "longest side"

    /// The interpolation that goes with it, as a manifest spells it.
    var resize: String {
        switch self {
        case .letterbox: "bilinear, half-pixel centres, no antialiasing, rounded to 8 bits"
        case .longestSide:
            "bilinear, half-pixel centres, antialiased when shrinking, across then down, each rounded to 8 bits"
        }
    }
}

/// Fits images of one size into the fixed input of a graph; rapsam/tasks/preprocess.py. A live camera keeps one.
public final class Letterbox {
    /// How the images will lie.
    public let geometry: Geometry
    private let down: AxisTaps
    private let rows: BlendedRows
    private let antialiased: Antialiased?

    /// - Parameters:
    ///   - original: Of the images.
    ///   - size: Of the graph's input.
    ///   - fit: How they are resized.
    public init(original: PixelSize, size: PixelSize, fit: Fit = .letterbox) {
        let scale = min(
            Double(size.height) / Double(original.height), Double(size.width) / Double(original.width))
        let content = PixelSize(
            height: Self.scaled(original.height, scale), width: Self.scaled(original.width, scale))
        geometry = Geometry(padded: size, content: content, original: original)
        down = AxisTaps(source: original.height, target: content.height)
        rows = BlendedRows(source: original.width, width: content.width)
        antialiased = fit == .longestSide ? Antialiased(source: original, content: content) : nil
    }

    private static func scaled(_ side: Int, _ scale: Double) -> Int { max(1, Int(Double(side) * scale + 0.5)) }

    /// Fits an image.
    ///
    /// - Parameters:
    ///   - padColour: R, G, B to the right and below, 0..255.
    ///   - target: 3 * H * W values, all overwritten.
    public func fit(_ picture: Picture, padColour: [Float], into target: inout [Float]) {
        let area = geometry.padded.area
        target.withUnsafeMutableBufferPointer { values in
            for channel in 0..<3 {
                values[channel * area..<(channel + 1) * area].update(repeating: padColour[channel])
            }
            if let antialiased {
                antialiased.resize(picture, values, geometry.padded)
            } else {
                resize(picture, geometry.content, down, rows, values, geometry.padded)
            }
        }
    }
}

/// Fits one image; see `Letterbox`.
public func letterbox(
    _ picture: Picture, size: PixelSize, padColour: [Float], fit: Fit = .letterbox
) -> Fitted {
    let fitting = Letterbox(original: picture.size, size: size, fit: fit)
    var values = [Float](repeating: 0, count: 3 * size.area)
    fitting.fit(picture, padColour: padColour, into: &values)
    return Fitted(pixels: Tensor(data: values, shape: [1, 3, size.height, size.width]), geometry: fitting.geometry)
}

/// Resizes an image: bilinear, half-pixel centres, rounded half up to whole numbers.
public func resized(_ picture: Picture, to size: PixelSize) -> Picture {
    var planes = [Float](repeating: 0, count: 3 * size.area)
    let down = AxisTaps(source: picture.size.height, target: size.height)
    let rows = BlendedRows(source: picture.size.width, width: size.width)
    planes.withUnsafeMutableBufferPointer { resize(picture, size, down, rows, $0, size) }
    let argb = (0..<size.area).map { i in
        packed(Int(planes[i]), Int(planes[size.area + i]), Int(planes[2 * size.area + i]))
    }
    return Picture(argb: argb, size: size)
}

/// Resizes the colours of an image into the top left of three planes, rounded half up to whole numbers.
private func resize(
    _ picture: Picture, _ content: PixelSize, _ down: AxisTaps, _ rows: BlendedRows,
    _ planes: UnsafeMutableBufferPointer<Float>, _ plane: PixelSize
) {
    rows.forget()
    picture.argb.withUnsafeBufferPointer { pixels in
        for y in 0..<content.height {
            let top = rows.row(down.lower[y], of: pixels)
            let bottom = rows.row(down.upper[y], of: pixels)
            let share = down.weight[y]
            for channel in 0..<3 {
                let from = channel * content.width
                let to = channel * plane.area + y * plane.width
                for x in 0..<content.width {
                    let change = (bottom[from + x] - top[from + x]) * share
                    planes[to + x] = (top[from + x] + change + 0.5).rounded(.down)
                }
            }
        }
    }
}

/// Rows of an image, blended along their axis. Neighbouring output rows share them, so two are kept.
private final class BlendedRows {
    private let source: Int
    private let width: Int
    private let across: AxisTaps
    private let kept: [Memory<Float>]
    private var keptRow = (-1, -1)

    init(source: Int, width: Int) {
        self.source = source
        self.width = width
        across = AxisTaps(source: source, target: width)
        kept = (0..<2).map { _ in Memory(0, count: 3 * width) }
    }

    /// Forgets the image.
    func forget() { keptRow = (-1, -1) }

    /// R, G and B of a row, one after another. Valid until two other rows have been asked for.
    func row(_ row: Int, of pixels: UnsafeBufferPointer<UInt32>) -> UnsafePointer<Float> {
        if keptRow.0 == row { return UnsafePointer(kept[0].start) }
        if keptRow.1 == row { return UnsafePointer(kept[1].start) }
        let isFirst = keptRow.0 < keptRow.1
        if isFirst { keptRow.0 = row } else { keptRow.1 = row }
        let place = kept[isFirst ? 0 : 1].start
        blend(row, pixels, place)
        return UnsafePointer(place)
    }

    private func blend(_ row: Int, _ pixels: UnsafeBufferPointer<UInt32>, _ values: UnsafeMutablePointer<Float>) {
        let start = row * source
        for x in 0..<width {
            let left = pixels[start + across.lower[x]]
            let right = pixels[start + across.upper[x]]
            let share = across.weight[x]
            values[x] = blended(red(left), red(right), share)
            values[width + x] = blended(green(left), green(right), share)
            values[2 * width + x] = blended(blue(left), blue(right), share)
        }
    }

    private func blended(_ left: Int, _ right: Int, _ share: Float) -> Float {
        Float(left) + Float(right - left) * share
    }
}
