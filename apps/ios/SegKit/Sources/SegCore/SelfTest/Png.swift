import Foundation

private let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
private let eightBitRgbNotInterlaced: [UInt8] = [8, 2, 0, 0, 0]
private let imageData = Array("IDAT".utf8)
private let channels = 3
private let maxSide = 8192
private let headerBytes = 33

/// Decodes an image of three channels of eight bits, not interlaced, value for value: a phone's decoder may convert colours.
///
/// - Throws: `Problem` if it is no such image, or damaged.
public func decodePng(_ file: Data, name: String) throws -> Picture {
    let bytes = [UInt8](file)
    guard bytes.count >= headerBytes, bytes.starts(with: signature) else {
        throw Problem("\(name) is no PNG; export it again")
    }
    let (width, height) = (word(bytes, 16), word(bytes, 20))
    guard Array(bytes[24..<29]) == eightBitRgbNotInterlaced, (1...maxSide).contains(width),
        (1...maxSide).contains(height)
    else {
        throw Problem(
            "\(name) is another PNG than 8-bit RGB of at most \(maxSide) px a side; export the bundle again")
    }
    let stride = width * channels
    guard let rows = Inflate.bytes(of: pieces(bytes), count: height * (stride + 1)) else {
        throw Problem("\(name) is damaged: it has other rows than it says; copy the bundle again")
    }
    var argb: [UInt32] = []
    argb.reserveCapacity(height * width)
    var line = [UInt8](repeating: 0, count: stride)
    for y in 0..<height {
        line = try unfiltered(rows, y * (stride + 1), above: line, name)
        for x in 0..<width {
            argb.append(packed(Int(line[3 * x]), Int(line[3 * x + 1]), Int(line[3 * x + 2])))
        }
    }
    return Picture(argb: argb, size: PixelSize(height: height, width: width))
}

private func word(_ bytes: [UInt8], _ at: Int) -> Int { bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }

/// Joins the pieces of the image's data.
private func pieces(_ bytes: [UInt8]) -> [UInt8] {
    var found: [UInt8] = []
    var at = signature.count
    while at + 12 <= bytes.count {
        let length = word(bytes, at)
        if length > bytes.count - at - 12 { break }
        if Array(bytes[at + 4..<at + 8]) == imageData { found += bytes[at + 8..<at + 8 + length] }
        at += 12 + length
    }
    return found
}

/// Undoes the filter of a row: its bytes are differences to what is left of, above, or both of them.
private func unfiltered(_ rows: [UInt8], _ start: Int, above: [UInt8], _ name: String) throws -> [UInt8] {
    let filter = rows[start]
    if filter > 4 { throw Problem("\(name) is damaged: a row has the filter \(filter); copy the bundle again") }
    var line = above
    for i in 0..<line.count {
        let left = i >= channels ? Int(line[i - channels]) : 0
        let up = Int(above[i])
        let corner = i >= channels ? Int(above[i - channels]) : 0
        line[i] = rows[start + 1 + i] &+ UInt8(truncatingIfNeeded: expected(filter, left, up, corner))
    }
    return line
}

private func expected(_ filter: UInt8, _ left: Int, _ up: Int, _ corner: Int) -> Int {
    switch filter {
    case 0: return 0
    case 1: return left
    case 2: return up
    case 3: return (left + up) >> 1
    default:
        // Paeth's predictor.
        let sum = left + up - corner
        let (a, b, c) = (abs(sum - left), abs(sum - up), abs(sum - corner))
        return a <= b && a <= c ? left : b <= c ? up : corner
    }
}
