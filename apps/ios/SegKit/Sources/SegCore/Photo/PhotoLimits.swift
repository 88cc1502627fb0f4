/// As in rapsam/data/limits.py.
private let minSide = 2
private let maxSide = 16_384
private let maxPixels = 100_000_000

/// Regions whose masks are reckoned with.
private let regions = 4

/// Bytes that the app has for each pixel of a photo when it has most: objects were found, regions asked for, and the picture on
/// the screen is replaced. Decoding takes less: the photo of 16 bits a channel, as decoded, copied, cut to 8 bits and turned.
public let photoBytesPerPixel =
    4  // the photo
    + 4  // the map of its objects
    + 4 + 1  // which of them has the pixel, and whether it covers it
    + 4  // what painting works with
    + 4  // the painted picture
    + 2 * 4  // the images on the screen: the one before, and its copy
    + regions

/// Checks the size that a photo says it has, before it is decoded.
///
/// - Throws: `Problem` if it is too small or too large to work with.
public func checkPhoto(_ name: String, height: Int, width: Int) throws {
    let shown = "\(printable(name)) is \(width)x\(height) px"
    if min(height, width) < minSide {
        throw Problem("\(shown); expected sides of at least \(minSide) px: take a larger photo")
    }
    let (pixels, isHuge) = height.multipliedReportingOverflow(by: width)
    if max(height, width) > maxSide || isHuge || pixels > maxPixels {
        throw Problem(
            "\(shown); expected sides of at most \(maxSide) px and at most \(maxPixels / 1_000_000) megapixels: scale it "
                + "down first")
    }
}

/// The size at which a photo is worked on: its own, or as large as the memory allows.
///
/// - Parameter freeBytes: Of memory that the app may still take; nil where the system sets no limit, as in a simulator: then
///   the photo stays as it is.
/// - Throws: `Problem` if not even a small photo fits.
public func workingSize(_ photo: PixelSize, freeBytes: Int?) throws -> PixelSize {
    guard let freeBytes else { return photo }
    let most = freeBytes / photoBytesPerPixel
    if photo.area <= most { return photo }
    let scale = (Double(max(most, 0)) / Double(photo.area)).squareRoot()
    let size = PixelSize(height: Int(Double(photo.height) * scale), width: Int(Double(photo.width) * scale))
    if min(size.height, size.width) < minSide {
        throw Problem("the phone has no memory left for a photo of \(photo); close other apps, or take a smaller one")
    }
    return size
}

/// Makes a picture of pixels with any number of bits a channel, keeping the upper eight of each, as Pillow does.
///
/// - Parameters:
///   - samples: R, G, B and something, one after another, 0..65535.
///   - size: Of the picture.
public func pictureOf16Bits(_ samples: [UInt16], size: PixelSize) -> Picture {
    let argb = (0..<size.area).map { i in
        packed(Int(samples[4 * i] >> 8), Int(samples[4 * i + 1] >> 8), Int(samples[4 * i + 2] >> 8))
    }
    return Picture(argb: argb, size: size)
}
