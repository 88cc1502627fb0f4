/// What EXIF says of photographs that are stored as they are shown.
public let uprightExif = 1

/// Turns a photograph as it is meant to be seen, for decoders that leave it as it is stored.
///
/// - Parameter exif: EXIF's number, 1 to 8.
/// - Throws: `Problem` for another number.
public func turnedUpright(_ stored: Picture, exif: Int) throws -> Picture {
    guard (1...8).contains(exif) else {
        throw Problem("orientation \(exif) is not one of EXIF's; expected 1 to 8: save the photo anew")
    }
    if exif == uprightExif { return stored }
    let (height, width) = (stored.size.height, stored.size.width)
    let isTransposed = exif >= 5
    let size = isTransposed ? PixelSize(height: width, width: height) : stored.size
    let fromRight = [2, 3, 7, 8].contains(exif)
    let fromBelow = [3, 4, 6, 7].contains(exif)
    var argb = [UInt32](repeating: 0, count: size.area)
    for y in 0..<size.height {
        for x in 0..<size.width {
            let row = isTransposed ? x : y
            let column = isTransposed ? y : x
            let storedRow = fromBelow ? height - 1 - row : row
            let storedColumn = fromRight ? width - 1 - column : column
            argb[y * size.width + x] = stored.argb[storedRow * width + storedColumn]
        }
    }
    return Picture(argb: argb, size: size)
}
