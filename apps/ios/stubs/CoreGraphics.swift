// What the app uses of Core Graphics, declared by us so that its code can be type-checked without Apple's SDK.
@_exported import Foundation

public typealias CFString = String

public final class CGColorSpace {
    public static let sRGB: CFString = "sRGB"
    public init?(name: CFString) { fatalError() }
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

public final class CGImage {
    public var width: Int { fatalError() }
    public var height: Int { fatalError() }
    public var bitsPerComponent: Int { fatalError() }
}

public final class CGContext {
    public init?(
        data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int, bytesPerRow: Int,
        space: CGColorSpace, bitmapInfo: UInt32
    ) { fatalError() }
    public var interpolationQuality: CGInterpolationQuality {
        get { fatalError() }
        set { fatalError() }
    }
    public func setFillColor(red: CGFloat, green: CGFloat, blue: CGFloat, alpha: CGFloat) { fatalError() }
    public func fill(_ rect: CGRect) { fatalError() }
    public func draw(_ image: CGImage, in rect: CGRect) { fatalError() }
    public func makeImage() -> CGImage? { fatalError() }
}
