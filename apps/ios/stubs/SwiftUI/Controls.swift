// What the app uses of SwiftUI: things to see and to touch.

public struct LocalizedStringKey: ExpressibleByStringInterpolation {
    let words: String
    public init(stringLiteral value: String) { words = value }
}

public struct Text: View, Drawable {
    public typealias Body = Never
    private let words: String
    @_disfavoredOverload public init<S: StringProtocol>(_ content: S) { words = String(content) }
    public init(_ key: LocalizedStringKey) { words = key.words }

    func draw(on stage: Stage) -> [Element] { [Element(tag: "span", text: words)] }
}

public struct Image: View, Drawable {
    public typealias Body = Never
    private let image: UIImage
    private var isResizable = false
    public init(uiImage: UIImage) { image = uiImage }
    public func resizable() -> Image {
        var changed = self
        changed.isResizable = true
        return changed
    }

    func draw(on stage: Stage) -> [Element] {
        guard let pixels = image.cgImage else { fatalError("an image without pixels") }
        let file = "data:image/bmp;base64,\(pixels.bitmap.base64EncodedString())"
        var drawn = Element(tag: "img", attributes: ["src": file, "alt": ""])
        drawn.growsAcross = isResizable
        drawn.growsDown = isResizable
        return [drawn]
    }
}

public struct Label: View, Drawable {
    public typealias Body = Never
    private let words: String
    private let sign: String
    public init(_ title: LocalizedStringKey, systemImage name: String) {
        words = title.words
        sign = name
    }

    func draw(on stage: Stage) -> [Element] {
        var drawn = Element(style: ["display": "flex", "gap": "8px"])
        drawn.children = [signElement(sign), Element(tag: "span", text: words)]
        drawn.sign = (words, sign)
        return [drawn]
    }
}

public struct Spacer: View, Drawable {
    public typealias Body = Never
    public init() {}

    func draw(on stage: Stage) -> [Element] {
        [Element(style: ["min-height": "8px", "min-width": "8px"], isSpacer: true)]
    }
}

@MainActor
private func button(_ words: String, _ stage: Stage) -> Element {
    var drawn = Element(tag: "button", attributes: ["class": stage.around.buttons], text: words)
    if !stage.around.isEnabled { drawn.attributes["disabled"] = "" }
    return drawn
}

public struct Button: View, Drawable {
    public typealias Body = Never
    private let words: String
    private let action: @MainActor () -> Void
    public init(_ title: LocalizedStringKey, action: @escaping @MainActor () -> Void) {
        words = title.words
        self.action = action
    }
    @_disfavoredOverload
    public init<S: StringProtocol>(_ title: S, action: @escaping @MainActor () -> Void) {
        words = String(title)
        self.action = action
    }

    func draw(on stage: Stage) -> [Element] {
        var drawn = button(words, stage)
        stage.listen(&drawn) { [action] _ in action() }
        return [drawn]
    }
}

@MainActor @preconcurrency
public protocol PrimitiveButtonStyle {
    /// Of the page's style. Not Apple's.
    var name: String { get }
}

public struct BorderedButtonStyle: PrimitiveButtonStyle {
    public let name = "bordered"
}

public struct BorderedProminentButtonStyle: PrimitiveButtonStyle {
    public let name = "prominent"
}

extension PrimitiveButtonStyle where Self == BorderedButtonStyle {
    public static var bordered: BorderedButtonStyle { BorderedButtonStyle() }
}

extension PrimitiveButtonStyle where Self == BorderedProminentButtonStyle {
    public static var borderedProminent: BorderedProminentButtonStyle { BorderedProminentButtonStyle() }
}

public struct ProgressView: View, Drawable {
    public typealias Body = Never
    public init() {}

    func draw(on stage: Stage) -> [Element] {
        [Element(attributes: ["class": "progress", "role": "progressbar", "aria-label": "Busy"])]
    }
}

@MainActor @preconcurrency
public protocol PickerStyle {}

public struct SegmentedPickerStyle: PickerStyle {}

extension PickerStyle where Self == SegmentedPickerStyle {
    public static var segmented: SegmentedPickerStyle { SegmentedPickerStyle() }
}

public struct Picker<SelectionValue: Hashable, Content: View>: View, Drawable {
    public typealias Body = Never
    private let title: String
    private let selection: Binding<SelectionValue>
    private let content: Content
    public init(_ title: LocalizedStringKey, selection: Binding<SelectionValue>, @ViewBuilder content: () -> Content) {
        self.title = title.words
        self.selection = selection
        self.content = content()
    }

    /// Its title is not seen: SwiftUI shows that in forms and lists alone.
    func draw(on stage: Stage) -> [Element] {
        let options = stage.draw(content, as: "options")
        let chosen = options.firstIndex { $0.id == AnyHashable(selection.wrappedValue) }
        var drawn = stage.around.isSegmented ? segments(options, chosen) : menu(options, chosen)
        drawn.attributes["aria-label"] = title
        if !stage.around.isEnabled { drawn.attributes["aria-disabled"] = "true" }
        stage.listen(&drawn) { [selection, title] order in
            guard let place = order.choice, let value = options[place].id?.base as? SelectionValue else {
                fatalError("\(title) has no such choice")
            }
            selection.wrappedValue = value
        }
        return [drawn]
    }

    private func segments(_ options: [Element], _ chosen: Int?) -> Element {
        var drawn = Element(attributes: ["class": "segments", "role": "radiogroup"], growsAcross: true)
        drawn.children = options.enumerated().map { place, option in
            Element(
                attributes: [
                    "role": "radio", "aria-checked": place == chosen ? "true" : "false", "data-choice": "\(place)",
                ], children: [option])
        }
        return drawn
    }

    private func menu(_ options: [Element], _ chosen: Int?) -> Element {
        let words = chosen.map { options[$0] } ?? Element(tag: "span")
        return Element(
            attributes: ["class": "menu", "role": "combobox"],
            children: [words, Element(tag: "span", attributes: ["aria-hidden": "true"], text: "⌃⌄")])
    }
}

public struct ForEach<Data: RandomAccessCollection, ID: Hashable, Content: View>: View, Drawable {
    public typealias Body = Never
    private let data: Data
    private let id: KeyPath<Data.Element, ID>
    private let content: (Data.Element) -> Content
    public init(_ data: Data, id: KeyPath<Data.Element, ID>, @ViewBuilder content: @escaping (Data.Element) -> Content)
    {
        self.data = data
        self.id = id
        self.content = content
    }

    func draw(on stage: Stage) -> [Element] {
        data.flatMap { one in
            stage.draw(content(one), as: "\(one[keyPath: id])").map { drawn in
                var named = drawn
                named.id = AnyHashable(one[keyPath: id])
                return named
            }
        }
    }
}

/// What PhotosUI's picker is made of. Not Apple's.
public struct PickingButton: View, Drawable {
    public typealias Body = Never
    private let title: LocalizedStringKey
    private let picked: (String) -> Void
    public init(title: LocalizedStringKey, picked: @escaping (String) -> Void) {
        self.title = title
        self.picked = picked
    }

    func draw(on stage: Stage) -> [Element] {
        var drawn = button(title.words, stage)
        stage.listen(&drawn) { order in
            guard let file = order.file else { fatalError("no file is picked") }
            picked(file)
        }
        return [drawn]
    }
}
