// What the app uses of SwiftUI: where things lie.

public enum HorizontalAlignment {
    case leading, center, trailing

    fileprivate var css: String {
        switch self {
        case .leading: "flex-start"
        case .center: "center"
        case .trailing: "flex-end"
        }
    }
}

public struct Alignment {
    let css: String
    public static let center = Alignment(css: "center")
    public static let leading = Alignment(css: "center start")
}

public struct VStack<Content: View>: View, Drawable {
    public typealias Body = Never
    private let alignment: HorizontalAlignment
    private let content: Content
    public init(alignment: HorizontalAlignment = .center, @ViewBuilder content: () -> Content) {
        self.alignment = alignment
        self.content = content()
    }

    func draw(on stage: Stage) -> [Element] { [column(stage.draw(content, as: "column"), align: alignment.css)] }
}

public struct HStack<Content: View>: View, Drawable {
    public typealias Body = Never
    private let content: Content
    public init(@ViewBuilder content: () -> Content) { self.content = content() }

    func draw(on stage: Stage) -> [Element] {
        let children = stage.draw(content, as: "row")
        return [
            Element(
                style: ["display": "flex", "align-items": "center", "gap": "8px"],
                children: children.map { $0.inRow() },
                growsAcross: children.contains { $0.growsAcross || $0.isSpacer },
                growsDown: children.contains { $0.growsDown })
        ]
    }
}

public struct ZStack<Content: View>: View, Drawable {
    public typealias Body = Never
    private let content: Content
    public init(@ViewBuilder content: () -> Content) { self.content = content() }

    func draw(on stage: Stage) -> [Element] { [pile(stage.draw(content, as: "pile"))] }
}

/// As high as it may be, and as wide as what is in it.
public struct ScrollView<Content: View>: View, Drawable {
    public typealias Body = Never
    private let content: Content
    public init(@ViewBuilder content: () -> Content) { self.content = content() }

    func draw(on stage: Stage) -> [Element] {
        var drawn = column(stage.draw(content, as: "scroll"), align: "center")
        drawn.children = drawn.children.map { child in
            var whole = child
            whole.style["flex"] = "none"
            return whole
        }
        drawn.style["overflow-y"] = "auto"
        drawn.growsDown = true
        return [drawn]
    }
}

/// Which tab is shown, of those that are counted as they come.
final class Tab {
    let number: Int
    var count = 0

    init(number: Int) { self.number = number }
}

public struct TabView<Content: View>: View, Drawable {
    public typealias Body = Never
    private let content: Content
    @State private var chosen = 0
    public init(@ViewBuilder content: () -> Content) { self.content = content() }

    func draw(on stage: Stage) -> [Element] {
        let chosen = _chosen
        let tabs = stage.within({ $0.shownTab = Tab(number: chosen.wrappedValue) }) { stage.draw(content, as: "tabs") }
        let signs = tabs.enumerated().map { place, each -> Element in
            guard let tab = each.tab else { fatalError("a tab without a tabItem that is a Label") }
            return Element(
                attributes: [
                    "role": "tab", "data-choice": "\(place)",
                    "aria-selected": place == chosen.wrappedValue ? "true" : "false",
                ], children: [signElement(tab.name), Element(tag: "span", text: tab.title)])
        }
        var bar = Element(attributes: ["class": "tabs", "role": "tablist"], children: signs)
        stage.listen(&bar) { order in
            guard let place = order.choice else { fatalError("no tab is named") }
            chosen.wrappedValue = place
        }
        var room = pile([tabs[chosen.wrappedValue]])
        room.style["flex"] = "1 1 0"
        room.style["min-height"] = "0"
        return [
            Element(
                style: ["display": "flex", "flex-direction": "column"], children: [room, bar], growsAcross: true,
                growsDown: true)
        ]
    }
}

public struct GeometryProxy {
    public let size: CGSize
}

public struct GeometryReader<Content: View>: View, Drawable {
    public typealias Body = Never
    private let content: (GeometryProxy) -> Content
    public init(@ViewBuilder content: @escaping (GeometryProxy) -> Content) { self.content = content }

    func draw(on stage: Stage) -> [Element] {
        let children = stage.draw(content(GeometryProxy(size: stage.sizes[stage.place] ?? .zero)), as: "geometry")
        return [
            Element(
                style: ["position": "relative", "overflow": "hidden"], attributes: ["data-measured": stage.place],
                // Not to be as large as what is in it was before.
                children: [Element(style: ["position": "absolute", "inset": "0 auto auto 0"], children: children)],
                growsAcross: true, growsDown: true)
        ]
    }
}
