private let weightBits = 22
private let one = Double(1 << weightBits)
private let half = Int32(1 << (weightBits - 1))

/// Resizes the colours of images into the top left of three planes, as Pillow's `Image.resize(..., BILINEAR)` does it: the fit
/// "longest side" of rapsam/tasks/preprocess.py.
///
/// A triangle as wide as two target pixels, at least two source pixels, weighs the source; across first, then down, each
/// rounded to 8 bits. Weights are whole numbers of 22 bits, so the bytes come out the same everywhere.
final class Antialiased {
    private let source: PixelSize
    private let content: PixelSize
    private let across: Kernels
    private let down: Kernels
    /// R, G, B of all rows, as wide as they will be.
    private let rows: Memory<UInt8>
    private let sums: Memory<Int32>

    init(source: PixelSize, content: PixelSize) {
        self.source = source
        self.content = content
        // Where nothing changes Pillow skips the step; one weight of 1 does the same.
        across = Kernels(source: source.width, target: content.width)
        down = Kernels(source: source.height, target: content.height)
        rows = Memory(0, count: 3 * source.height * content.width)
        sums = Memory(0, count: 3 * content.width)
    }

    /// Resizes an image.
    ///
    /// - Parameters:
    ///   - planes: R, G and B, one after another.
    ///   - plane: Size of each.
    func resize(_ picture: Picture, _ planes: UnsafeMutableBufferPointer<Float>, _ plane: PixelSize) {
        picture.argb.withUnsafeBufferPointer(narrow)
        let stride = 3 * content.width
        for y in 0..<content.height {
            sums.fill(half)
            for tap in 0..<down.counts[y] {
                let weight = down.weights[y * down.most + tap]
                let row = rows.start + (down.first[y] + tap) * stride
                for i in 0..<stride { sums.start[i] += weight * Int32(row[i]) }
            }
            for channel in 0..<3 {
                let to = channel * plane.area + y * plane.width
                for x in 0..<content.width { planes[to + x] = Float(sums.start[3 * x + channel] >> weightBits) }
            }
        }
    }

    /// Brings all rows to their width.
    private func narrow(_ pixels: UnsafeBufferPointer<UInt32>) {
        for y in 0..<source.height {
            let row = rows.start + 3 * y * content.width
            for x in 0..<content.width {
                var (reds, greens, blues) = (half, half, half)
                let from = y * source.width + across.first[x]
                for tap in 0..<across.counts[x] {
                    let weight = across.weights[x * across.most + tap]
                    let pixel = pixels[from + tap]
                    reds += weight * Int32(red(pixel))
                    greens += weight * Int32(green(pixel))
                    blues += weight * Int32(blue(pixel))
                }
                row[3 * x] = UInt8(truncatingIfNeeded: reds >> weightBits)
                row[3 * x + 1] = UInt8(truncatingIfNeeded: greens >> weightBits)
                row[3 * x + 2] = UInt8(truncatingIfNeeded: blues >> weightBits)
            }
        }
    }
}

/// What each target pixel of an axis weighs.
private struct Kernels {
    /// Source pixels of a target pixel at most.
    let most: Int
    /// First source pixel of each.
    private(set) var first: [Int] = []
    /// Source pixels of each.
    private(set) var counts: [Int] = []
    /// `most` for each target pixel.
    private(set) var weights: [Int32]

    init(source: Int, target: Int) {
        let scale = Double(source) / Double(target)
        let reach = max(scale, 1)
        most = 2 * Int(reach.rounded(.up)) + 1
        weights = [Int32](repeating: 0, count: target * most)
        for i in 0..<target {
            let centre = (Double(i) + 0.5) * scale
            let begin = max(Int(centre - reach + 0.5), 0)
            let count = min(Int(centre + reach + 0.5), source) - begin
            let shares = (0..<count).map { tap in
                max(1 - abs((Double(tap + begin) - centre + 0.5) * (1 / reach)), 0)
            }
            let sum = shares.reduce(0, +)
            for (tap, share) in shares.enumerated() { weights[i * most + tap] = Int32(0.5 + share / sum * one) }
            first.append(begin)
            counts.append(count)
        }
    }
}
