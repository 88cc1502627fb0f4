// What the app uses of SwiftUI: what changes views.

/// A view whose element is changed.
private struct Changed<Content: View>: View, Drawable {
    typealias Body = Never
    let content: Content
    let change: @MainActor (inout Element, Stage) -> Void

    func draw(on stage: Stage) -> [Element] {
        stage.draw(content, as: "changed").map { drawn in
            var changed = drawn
            change(&changed, stage)
            return changed
        }
    }
}

/// A view that finds something else around it.
private struct Within<Content: View>: View, Drawable {
    typealias Body = Never
    let content: Content
    let change: (inout Stage.Surroundings) -> Void

    func draw(on stage: Stage) -> [Element] { stage.within(change) { stage.draw(content, as: "within") } }
}

/// A view with which something happens.
private struct Watched<Content: View>: View, Drawable {
    typealias Body = Never
    let content: Content
    let watch: @MainActor (Stage) -> Void

    func draw(on stage: Stage) -> [Element] {
        watch(stage)
        return stage.draw(content, as: "watched")
    }
}

private struct TabItem<Content: View, Sign: View>: View, Drawable {
    typealias Body = Never
    let content: Content
    let sign: Sign

    func draw(on stage: Stage) -> [Element] {
        guard let tabs = stage.around.shownTab else { fatalError("a tabItem that lies in no TabView") }
        let isShown = tabs.count == tabs.number
        tabs.count += 1
        // What is not shown is not drawn.
        let drawn = isShown ? stage.within({ $0.shownTab = nil }) { stage.draw(content, as: "tab") } : []
        var tab = drawn.count == 1 ? drawn[0] : pile(drawn)
        guard let found = stage.draw(sign, as: "sign").first?.sign else { fatalError("a tabItem that is no Label") }
        tab.tab = (found.title, found.name)
        return [tab]
    }
}

extension View {
    public func tabItem<V: View>(@ViewBuilder _ label: () -> V) -> some View { TabItem(content: self, sign: label()) }
    public func foregroundStyle<S: ShapeStyle>(_ style: S) -> some View {
        Changed(content: self) { drawn, _ in drawn.style["color"] = style.css }
    }
    public func font(_ font: Font?) -> some View {
        Changed(content: self) { drawn, _ in drawn.style["font"] = font?.css }
    }
    public func padding() -> some View { padding(.all) }
    public func padding(_ edges: Edge.Set) -> some View {
        Changed(content: self) { drawn, _ in
            drawn = pile([drawn])
            drawn.style["padding"] = edges == .all ? "16px" : "0 16px"
        }
    }
    public func disabled(_ disabled: Bool) -> some View {
        Within(content: self) { if disabled { $0.isEnabled = false } }
    }
    public func accessibilityLabel<S: StringProtocol>(_ label: S) -> some View {
        Changed(content: self) { drawn, _ in drawn.attributes["aria-label"] = String(label) }
    }
    public func accessibilityHidden(_ hidden: Bool) -> some View {
        Changed(content: self) { drawn, _ in drawn.attributes["aria-hidden"] = hidden ? "true" : "false" }
    }
    public func buttonStyle<S: PrimitiveButtonStyle>(_ style: S) -> some View {
        Within(content: self) { $0.buttons = style.name }
    }
    public func pickerStyle<S: PickerStyle>(_ style: S) -> some View {
        Within(content: self) { $0.isSegmented = style is SegmentedPickerStyle }
    }
    public func scaledToFit() -> some View {
        Changed(content: self) { drawn, _ in
            guard drawn.tag == "img" else { fatalError("only images can be scaled to fit") }
            drawn.keepsRatio = true
        }
    }
    public func frame(width: CGFloat? = nil, height: CGFloat? = nil) -> some View {
        Changed(content: self) { drawn, _ in
            drawn = pile([drawn])
            if let width { drawn.style["width"] = points(width) }
            if let height { drawn.style["height"] = points(height) }
            drawn.growsAcross = drawn.growsAcross && width == nil
            drawn.growsDown = drawn.growsDown && height == nil
        }
    }
    public func frame(maxWidth: CGFloat? = nil, maxHeight: CGFloat? = nil, alignment: Alignment = .center) -> some View
    {
        Changed(content: self) { drawn, _ in
            drawn = pile([drawn], align: alignment.css)
            if let maxWidth {
                guard maxWidth == .infinity else { fatalError("a width of at most \(maxWidth) cannot be drawn") }
                drawn.growsAcross = true
            }
            guard let maxHeight else { return }
            // What would grow further has that height.
            if maxHeight != .infinity { drawn.style[drawn.growsDown ? "height" : "max-height"] = points(maxHeight) }
            drawn.growsDown = maxHeight == .infinity
        }
    }
    /// Where fingers are felt: with us, everywhere in the element.
    public func contentShape<S: Shape>(_ shape: S) -> some View {
        Changed(content: self) { _, _ in
            if !(shape is Rectangle) { fatalError("fingers are felt in rectangles only") }
        }
    }
    public func gesture<T: Gesture>(_ gesture: T) -> some View {
        Changed(content: self) { drawn, stage in
            stage.listen(&drawn) { order in
                guard let at = order.at else { return }
                let start = CGPoint(x: at[0], y: at[1])
                let end = order.to.map { CGPoint(x: $0[0], y: $0[1]) }
                let finger = end.map { Finger.dragged(from: start, to: $0, isUp: order.isUp ?? true) }
                _ = gesture.felt(finger ?? .tapped(start))
            }
        }
    }
    public func simultaneousGesture<T: Gesture>(_ gesture: T) -> some View { self.gesture(gesture) }
    public func task(_ action: @escaping @MainActor @Sendable () async -> Void) -> some View {
        Watched(content: self) { $0.appear { Task { await action() } } }
    }
    public func onDisappear(perform action: (() -> Void)? = nil) -> some View {
        Watched(content: self) { $0.appear({ nil }, leave: { action?() }) }
    }
    public func onChange<V: Equatable>(of value: V, _ action: @escaping (V, V) -> Void) -> some View {
        Watched(content: self) { $0.watch(value, action) }
    }
    public func onReceive<P: Publisher>(_ publisher: P, perform action: @escaping (P.Output) -> Void) -> some View {
        Watched(content: self) { stage in
            let listening = publisher.listening(action)
            stage.appear(
                {
                    listening.begin(); return nil
                }, leave: listening.end)
        }
    }
}

// Of Combine, and of Foundation on Apple's systems.

public protocol Publisher<Output> {
    associatedtype Output
    /// Not Apple's.
    func listening(_ action: @escaping (Output) -> Void) -> (begin: () -> Void, end: () -> Void)
}

extension NotificationCenter {
    public struct Publisher: SwiftUI.Publisher {
        public typealias Output = Notification
        let center: NotificationCenter
        let name: Notification.Name

        public func listening(_ action: @escaping (Notification) -> Void) -> (begin: () -> Void, end: () -> Void) {
            var token: (any NSObjectProtocol)?
            return (
                { token = center.addObserver(forName: name, object: nil, queue: nil, using: action) },
                { if let token { center.removeObserver(token) } }
            )
        }
    }
    public func publisher(for name: Notification.Name, object: AnyObject? = nil) -> NotificationCenter.Publisher {
        Publisher(center: self, name: name)
    }
}
