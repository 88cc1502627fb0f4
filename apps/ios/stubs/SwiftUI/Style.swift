// What the app uses of SwiftUI: how things look.

public protocol ShapeStyle: Sendable {
    /// Not Apple's.
    var css: String { get }
}

public struct Color: ShapeStyle, Sendable {
    public let css: String
    public init(red: Double, green: Double, blue: Double, opacity: Double = 1) {
        css = "rgb(\(255 * red) \(255 * green) \(255 * blue) / \(opacity))"
    }
    fileprivate init(_ css: String) { self.css = css }
}

public struct HierarchicalShapeStyle: ShapeStyle {
    public let css: String
}

extension ShapeStyle where Self == Color {
    public static var red: Color { Color("var(--red)") }
    public static var white: Color { Color("white") }
}

extension ShapeStyle where Self == HierarchicalShapeStyle {
    public static var secondary: HierarchicalShapeStyle { HierarchicalShapeStyle(css: "var(--secondary)") }
}

public struct Font: Sendable {
    public enum TextStyle: Sendable { case body, footnote }
    public enum Design: Sendable { case `default`, monospaced }
    let css: String
    public static let footnote = system(.footnote)
    public static func system(_ style: TextStyle, design: Design? = nil) -> Font {
        let size = style == .footnote ? "13px / 18px" : "17px / 22px"
        return Font(css: "\(size) \(design == .monospaced ? "var(--mono)" : "var(--sans)")")
    }
}

public enum Edge {
    public struct Set: OptionSet, Sendable {
        public let rawValue: Int8
        public init(rawValue: Int8) { self.rawValue = rawValue }
        public static let horizontal = Set(rawValue: 10)
        public static let all = Set(rawValue: 15)
    }
}

public struct Path {
    let rect: CGRect
    public init(_ rect: CGRect) { self.rect = rect }
}

public protocol Shape: Sendable, View {
    nonisolated func path(in rect: CGRect) -> Path
}

extension Shape {
    public func stroke<S: ShapeStyle>(_ content: S, lineWidth: CGFloat = 1) -> some View {
        Stroke(shape: self, colour: content.css, width: lineWidth)
    }
}

extension Shape where Body == Never {
    public var body: Never { fatalError("\(Self.self) has no body") }
}

public struct Rectangle: Shape {
    public typealias Body = Never
    public init() {}
    public nonisolated func path(in rect: CGRect) -> Path { Path(rect) }
}

private struct Stroke<Content: Shape>: View, Drawable {
    typealias Body = Never
    let shape: Content
    let colour: String
    let width: CGFloat

    func draw(on stage: Stage) -> [Element] {
        let rect = shape.path(in: CGRect(origin: .zero, size: stage.sizes[stage.place] ?? .zero)).rect
        let outline = Element(
            tag: "rect",
            attributes: [
                "x": "\(rect.minX)", "y": "\(rect.minY)", "width": "\(rect.width)", "height": "\(rect.height)",
                "fill": "none", "stroke": colour, "stroke-width": "\(width)",
            ])
        return [
            Element(
                tag: "svg", attributes: ["data-measured": stage.place], children: [outline], growsAcross: true,
                growsDown: true)
        ]
    }
}
