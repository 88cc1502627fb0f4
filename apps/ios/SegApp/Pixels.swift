import CoreGraphics
import Foundation
import SegCore
import UIKit
import os

/// Decodes a photo, and turns it upright.
///
/// - Parameter data: Of its file.
/// - Throws: `Problem` if it is none, damaged, or of a size that nothing here works with.
func readPhoto(_ data: Data) throws -> Picture {
    guard let photo = UIImage(data: data), let image = photo.cgImage else {
        throw Problem("that is no photo that this phone reads; choose a JPEG, HEIC or PNG")
    }
    try checkPhoto("the photo", height: image.height, width: image.width)
    let whole = PixelSize(height: image.height, width: image.width)
    let size = try workingSize(whole, freeBytes: freeBytes())
    let stored = image.bitsPerComponent > 8 ? try deepPicture(image, size) : try picture(image, size)
    return try turnedUpright(stored, exif: exif(of: photo.imageOrientation))
}

/// Memory that the app may still take; nil where the system sets it no limit, and then says 0.
private func freeBytes() -> Int? {
    #if targetEnvironment(simulator)
        return nil
    #else
        return ProcessInfo.processInfo.isiOSAppOnMac ? nil : Int(os_proc_available_memory())
    #endif
}

/// A picture for the screen.
func shownImage(_ picture: Picture) throws -> UIImage {
    let image = try picture.argb.withUnsafeBytes { pixels in
        // Nothing is drawn into it: the image is a copy.
        try context(UnsafeMutableRawBufferPointer(mutating: pixels), picture.size, bits: 8, pixelFormat).makeImage()
    }
    guard let image else { throw Problem("the phone has no memory left to show the picture; close other apps") }
    return UIImage(cgImage: image)
}

/// 0xXXRRGGBB in memory, as `Picture` has it.
private let pixelFormat = CGImageAlphaInfo.noneSkipFirst.rawValue | CGBitmapInfo.byteOrder32Little.rawValue

private let deepFormat = CGImageAlphaInfo.noneSkipLast.rawValue | CGBitmapInfo.byteOrder16Little.rawValue

private func picture(_ image: CGImage, _ size: PixelSize) throws -> Picture {
    var argb = [UInt32](repeating: 0, count: size.area)
    try argb.withUnsafeMutableBytes { pixels in
        draw(image, size, in: try context(pixels, size, bits: 8, pixelFormat))
    }
    return Picture(argb: argb, size: size)
}

private func deepPicture(_ image: CGImage, _ size: PixelSize) throws -> Picture {
    var samples = [UInt16](repeating: 0, count: 4 * size.area)
    try samples.withUnsafeMutableBytes { pixels in
        draw(image, size, in: try context(pixels, size, bits: 16, deepFormat))
    }
    return pictureOf16Bits(samples, size: size)
}

/// Draws over white, as Python does with what is transparent.
private func draw(_ image: CGImage, _ size: PixelSize, in context: CGContext) {
    let whole = CGRect(x: 0, y: 0, width: size.width, height: size.height)
    context.setFillColor(red: 1, green: 1, blue: 1, alpha: 1)
    context.fill(whole)
    context.interpolationQuality = image.width == size.width ? .none : .high
    context.draw(image, in: whole)
}

private func context(
    _ pixels: UnsafeMutableRawBufferPointer, _ size: PixelSize, bits: Int, _ format: UInt32
) throws -> CGContext {
    let found = CGColorSpace(name: CGColorSpace.sRGB).flatMap { space in
        CGContext(
            data: pixels.baseAddress, width: size.width, height: size.height, bitsPerComponent: bits,
            bytesPerRow: bits / 2 * size.width, space: space, bitmapInfo: format)
    }
    guard let found else { throw Problem("the phone cannot draw a picture of \(size); take a smaller one") }
    return found
}

private func exif(of orientation: UIImage.Orientation) -> Int {
    switch orientation {
    case .up: 1
    case .upMirrored: 2
    case .down: 3
    case .downMirrored: 4
    case .leftMirrored: 5
    case .right: 6
    case .rightMirrored: 7
    case .left: 8
    @unknown default: 0
    }
}
