import Foundation

/// Draws a smooth disc with a white rim, or a hollow one in white with a rim, in place; rapsam/tasks/overlay.py.
///
/// - Parameters:
///   - x: In pixels, as y.
///   - radius: In pixels.
public func paintPoint(
    _ canvas: inout Picture, x: Double, y: Double, radius: Double, colour: UInt32, isHollow: Bool = false
) {
    let (outside, inside) = isHollow ? (colour, white) : (white, colour)
    let reach = Int(radius) + 3
    let (middleX, middleY) = (Int(x), Int(y))
    for row in stride(from: max(middleY - reach, 0), to: min(middleY + reach + 1, canvas.size.height), by: 1) {
        for column in stride(from: max(middleX - reach, 0), to: min(middleX + reach + 1, canvas.size.width), by: 1) {
            let distance = hypot(Double(row) - y, Double(column) - x)
            let at = row * canvas.size.width + column
            let rim = blended(canvas.argb[at], outside, min(max(radius + 0.5 - distance, 0), 1))
            canvas.argb[at] = blended(rim, inside, min(max(radius * 0.7 + 0.5 - distance, 0), 1))
        }
    }
}

/// Draws a rectangle with a white rim, in place; the line lies inside the box.
///
/// - Parameters:
///   - box: x1, y1, x2, y2 in pixels.
///   - width: Of the line, in pixels.
public func paintBox(_ canvas: inout Picture, _ box: PromptBox, width: Int, colour: UInt32) {
    let sides = [box.x1, box.y1, box.x2, box.y2].map { Int(Float($0).rounded(.toNearestOrEven)) }
    let (x1, y1, x2, y2) = (sides[0], sides[1], sides[2], sides[3])
    frame(&canvas, x1, y1, x2, y2, width + 2, white)
    frame(&canvas, x1 + 1, y1 + 1, x2 - 1, y2 - 1, width, colour)
}

private func frame(
    _ canvas: inout Picture, _ x1: Int, _ y1: Int, _ x2: Int, _ y2: Int, _ line: Int, _ colour: UInt32
) {
    for y in stride(from: y1, to: min(y2, canvas.size.height), by: 1) {
        for x in stride(from: x1, to: min(x2, canvas.size.width), by: 1) {
            let isLine = y < y1 + line || y >= y2 - line || x < x1 + line || x >= x2 - line
            if isLine { canvas.argb[y * canvas.size.width + x] = colour }
        }
    }
}

private func blended(_ before: UInt32, _ colour: UInt32, _ share: Double) -> UInt32 {
    packed(
        channel(red(before), red(colour), share), channel(green(before), green(colour), share),
        channel(blue(before), blue(colour), share))
}

private func channel(_ before: Int, _ colour: Int, _ share: Double) -> Int {
    Int(Double(before) * (1 - share) + Double(colour) * share + 0.5)
}
