/// Why there is no live camera; nil if there is one and it may be used.
public func cameraProblem(isThere: Bool, isAllowed: Bool) -> Problem? {
    if !isThere { return Problem("this phone has no camera that an app can use; choose a photo instead") }
    if !isAllowed {
        return Problem("the camera was refused; allow it in the settings of this app, or choose a photo instead")
    }
    return nil
}

/// Makes pictures of a camera's frames, each in the place of the one before.
public struct FramePicture {
    private var argb: [UInt32] = []

    public init() {}

    /// Copies a frame.
    ///
    /// - Parameters:
    ///   - bytes: Of the frame: blue, green, red and alpha of each pixel, as "32BGRA" has them.
    ///   - bytesPerRow: From one row to the next; rows may be longer than their pixels.
    /// - Throws: `Problem` if the frame is shorter than it says.
    public mutating func take(_ bytes: UnsafeRawBufferPointer, size: PixelSize, bytesPerRow: Int) throws -> Picture {
        guard size.area > 0, bytesPerRow >= 4 * size.width,
            bytes.count >= (size.height - 1) * bytesPerRow + 4 * size.width
        else {
            throw Problem(
                "the camera gave \(bytes.count) bytes for a frame of \(size); close other apps that use it, and try again"
            )
        }
        if argb.count != size.area { argb = [UInt32](repeating: 0, count: size.area) }
        argb.withUnsafeMutableBytes { target in
            for y in 0..<size.height {
                let row = UnsafeMutableRawBufferPointer(rebasing: target[4 * y * size.width..<4 * (y + 1) * size.width])
                row.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[y * bytesPerRow..<y * bytesPerRow + 4 * size.width]))
            }
        }
        return Picture(argb: argb, size: size)
    }
}
