/// How a picture lies in a view that shows all of it, in the middle: from places that fingers touch to its pixels.
public struct ShownPlace: Sendable {
    private let picture: PixelSize
    private let scale: Double
    private let left: Double
    private let top: Double

    /// - Parameters:
    ///   - picture: In pixels.
    ///   - width: Of the view, as its height in any unit.
    /// - Returns: Nil where there is nothing to see.
    public init?(of picture: PixelSize, inWidth width: Double, height: Double) {
        guard picture.area > 0, width > 0, height > 0 else { return nil }
        self.picture = picture
        scale = min(width / Double(picture.width), height / Double(picture.height))
        left = (width - scale * Double(picture.width)) / 2
        top = (height - scale * Double(picture.height)) / 2
    }

    /// What a tap asks for; nil beside the picture.
    public func tap(x: Double, y: Double) -> Prompt? {
        let (column, row) = ((x - left) / scale, (y - top) / scale)
        guard column >= 0, row >= 0, column < Double(picture.width), row < Double(picture.height) else { return nil }
        return .point(x: column, y: row)
    }

    /// What a finger asks for that was dragged from one place to another: the part of the box that lies in the picture; nil
    /// where that has no area.
    public func box(fromX x1: Double, y y1: Double, toX x2: Double, y y2: Double) -> Prompt? {
        let columns = [x1, x2].map { min(max(($0 - left) / scale, 0), Double(picture.width)) }.sorted()
        let rows = [y1, y2].map { min(max(($0 - top) / scale, 0), Double(picture.height)) }.sorted()
        guard columns[0] < columns[1], rows[0] < rows[1] else { return nil }
        return .box(PromptBox(x1: columns[0], y1: rows[0], x2: columns[1], y2: rows[1]))
    }
}
