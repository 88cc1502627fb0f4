// What the app uses of Core Graphics, declared by us so that its code can be type-checked without Apple's SDK, and run where there is none.
@_exported import Foundation

public typealias CFString = String

public final class CGColorSpace {
    public static let sRGB: CFString = "sRGB"
    public init?(name: CFString) {
        if name != Self.sRGB { fatalError("no colours but sRGB's are known here") }
    }
}

public enum CGImageAlphaInfo: UInt32 {
    case none, premultipliedLast, premultipliedFirst, last, first, noneSkipLast, noneSkipFirst, alphaOnly
}

public struct CGBitmapInfo: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let byteOrder16Little = CGBitmapInfo(rawValue: 1 << 12)
    public static let byteOrder32Little = CGBitmapInfo(rawValue: 2 << 12)
}

public enum CGInterpolationQuality: Int32 { case `default`, none, low, medium, high }

/// Pixels, each B, G, R and a byte that is of no matter, as a 32-bit bitmap of Windows (BMP) has them.
public final class CGImage {
    public let width: Int
    public let height: Int
    public let bitsPerComponent = 8
    let pixels: Data

    init(width: Int, height: Int, pixels: Data) {
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// Reads such a bitmap, from its first row to its last; nil if the file is another one. Not Apple's.
    public convenience init?(bitmap file: Data) {
        let bytes = [UInt8](file)
        func number(_ at: Int) -> Int {
            Int(Int32(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << (8 * $1) }))
        }
        guard bytes.count > 54, bytes.starts(with: [0x42, 0x4D]), bytes[28] == 32 else { return nil }
        let (start, width, height) = (number(10), number(18), -number(22))
        guard width > 0, height > 0, bytes.count == start + 4 * width * height else { return nil }
        self.init(width: width, height: height, pixels: Data(bytes[start...]))
    }

    /// Writes one. Not Apple's.
    public var bitmap: Data {
        func little(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        let size = 4 * width * height
        var file = Data([0x42, 0x4D] + little(54 + size, 4) + little(0, 4) + little(54, 4))
        // Its height is negative: the first row comes first.
        file += little(40, 4) + little(width, 4) + little(-height, 4) + little(1, 2) + little(32, 2)
        file += little(0, 4) + little(size, 4) + little(0, 16)
        return file + pixels
    }
}

public final class CGContext {
    private let memory: UnsafeMutableRawPointer
    private let width: Int
    private let height: Int
    public var interpolationQuality = CGInterpolationQuality.default

    public init?(
        data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int, bytesPerRow: Int,
        space: CGColorSpace, bitmapInfo: UInt32
    ) {
        let known = CGImageAlphaInfo.noneSkipFirst.rawValue | CGBitmapInfo.byteOrder32Little.rawValue
        guard let data, bitsPerComponent == 8, bitmapInfo == known, bytesPerRow == 4 * width else {
            fatalError("no pixels but of 8 bits, B, G, R and nothing, are drawn here")
        }
        memory = data
        self.width = width
        self.height = height
    }
    public func setFillColor(red: CGFloat, green: CGFloat, blue: CGFloat, alpha: CGFloat) {
        if [red, green, blue, alpha] != [1, 1, 1, 1] { fatalError("nothing but white is filled here") }
    }
    public func fill(_ rect: CGRect) {
        check(rect)
        memory.initializeMemory(as: UInt8.self, repeating: 255, count: 4 * width * height)
    }
    public func draw(_ image: CGImage, in rect: CGRect) {
        check(rect)
        if image.width != width || image.height != height { fatalError("no image is scaled here") }
        image.pixels.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    }
    public func makeImage() -> CGImage? {
        CGImage(width: width, height: height, pixels: Data(bytes: memory, count: 4 * width * height))
    }
    private func check(_ rect: CGRect) {
        if rect != CGRect(x: 0, y: 0, width: width, height: height) { fatalError("only whole pictures are drawn here") }
    }
}
