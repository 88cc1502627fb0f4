// What the app uses of Core Video.
@_exported import CoreGraphics

public typealias OSType = UInt32
public typealias CVReturn = Int32

/// Memory of a `CGImage`. The initializer is not Apple's.
public final class CVPixelBuffer {
    let image: CGImage
    let start: UnsafeMutableRawPointer
    public init(_ image: CGImage) {
        self.image = image
        start = .allocate(byteCount: 4 * image.width * image.height, alignment: 16)
        CGContext(
            data: start, width: image.width, height: image.height, bitsPerComponent: 8, bytesPerRow: 4 * image.width,
            space: CGColorSpace(name: CGColorSpace.sRGB)!,
            bitmapInfo: CGImageAlphaInfo.noneSkipFirst.rawValue | CGBitmapInfo.byteOrder32Little.rawValue
        )!.draw(image, in: CGRect(x: 0, y: 0, width: image.width, height: image.height))
    }
    deinit { start.deallocate() }
}

public struct CVPixelBufferLockFlags: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let readOnly = CVPixelBufferLockFlags(rawValue: 1)
}

public let kCVPixelBufferPixelFormatTypeKey: CFString = "PixelFormatType"
public let kCVPixelFormatType_32BGRA: OSType = 0x4247_5241

@discardableResult
public func CVPixelBufferLockBaseAddress(_ buffer: CVPixelBuffer, _ flags: CVPixelBufferLockFlags) -> CVReturn { 0 }

@discardableResult
public func CVPixelBufferUnlockBaseAddress(_ buffer: CVPixelBuffer, _ flags: CVPixelBufferLockFlags) -> CVReturn { 0 }

public func CVPixelBufferGetBaseAddress(_ buffer: CVPixelBuffer) -> UnsafeMutableRawPointer? { buffer.start }
public func CVPixelBufferGetHeight(_ buffer: CVPixelBuffer) -> Int { buffer.image.height }
public func CVPixelBufferGetWidth(_ buffer: CVPixelBuffer) -> Int { buffer.image.width }
public func CVPixelBufferGetBytesPerRow(_ buffer: CVPixelBuffer) -> Int { 4 * buffer.image.width }
