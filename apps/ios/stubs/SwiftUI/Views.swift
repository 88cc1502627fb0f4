// What the app uses of SwiftUI: views and what they are made of. They keep what they are given, so that they can be drawn; see `Stage`.
@_exported import Foundation
@_exported import UIKit

@MainActor @preconcurrency
public protocol View {
    associatedtype Body: View
    @ViewBuilder @MainActor @preconcurrency var body: Body { get }
}

extension Never: View {
    public var body: Never { fatalError() }
}

extension View where Body == Never {
    public var body: Never { fatalError("\(Self.self) has no body") }
}

extension Optional: View where Wrapped: View {
    public typealias Body = Never
}

extension Optional: Drawable where Wrapped: View {
    func draw(on stage: Stage) -> [Element] { map { stage.draw($0, as: "some") } ?? [] }
}

public struct TupleView<T>: View, Drawable {
    public typealias Body = Never
    fileprivate var parts: [@MainActor (Stage, String) -> [Element]] = []

    func draw(on stage: Stage) -> [Element] { parts.enumerated().flatMap { $1(stage, "\($0)") } }
}

public struct EmptyView: View, Drawable {
    public typealias Body = Never

    func draw(on stage: Stage) -> [Element] { [] }
}

public struct ConditionalContent<First: View, Second: View>: View, Drawable {
    public typealias Body = Never
    fileprivate enum Content { case first(First), second(Second) }
    fileprivate let content: Content

    func draw(on stage: Stage) -> [Element] {
        switch content {
        case .first(let view): stage.draw(view, as: "first")
        case .second(let view): stage.draw(view, as: "second")
        }
    }
}

@resultBuilder
@MainActor
public enum ViewBuilder {
    public static func buildBlock() -> EmptyView { EmptyView() }
    public static func buildBlock<Content: View>(_ content: Content) -> Content { content }
    public static func buildBlock<each Content: View>(_ content: repeat each Content) -> TupleView<
        (repeat each Content)
    > {
        var view = TupleView<(repeat each Content)>()
        repeat view.parts.append(part(each content))
        return view
    }
    public static func buildIf<Content: View>(_ content: Content?) -> Content? { content }
    public static func buildEither<First: View, Second: View>(first: First) -> ConditionalContent<First, Second> {
        ConditionalContent(content: .first(first))
    }
    public static func buildEither<First: View, Second: View>(second: Second) -> ConditionalContent<First, Second> {
        ConditionalContent(content: .second(second))
    }
    private static func part<Content: View>(_ view: Content) -> @MainActor (Stage, String) -> [Element] {
        { stage, name in stage.draw(view, as: name) }
    }
}

public protocol App {
    associatedtype Body: Scene
    @SceneBuilder @MainActor @preconcurrency var body: Body { get }
    @MainActor @preconcurrency init()
}

extension App {
    @MainActor @preconcurrency public static func main() {
        let app = Self()
        Stage.shared.open { stage in app.body.draw(on: stage) }
    }
}

@MainActor @preconcurrency
public protocol Scene {
    /// Not Apple's.
    func draw(on stage: Stage) -> [Element]
}

@resultBuilder
public enum SceneBuilder {
    public static func buildBlock<Content: Scene>(_ content: Content) -> Content { content }
}

public struct WindowGroup<Content: View>: Scene {
    private let content: () -> Content
    public init(@ViewBuilder content: @escaping () -> Content) { self.content = content }
    public func draw(on stage: Stage) -> [Element] { stage.draw(content(), as: "window") }
}
