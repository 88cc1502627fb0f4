// What the app uses of SwiftUI.
@_exported import Foundation
@_exported import UIKit

// Views and what they are made of.

@MainActor @preconcurrency
public protocol View {
    associatedtype Body: View
    @ViewBuilder @MainActor @preconcurrency var body: Body { get }
}

extension Never: View {
    public var body: Never { fatalError() }
}

extension View where Body == Never {
    public var body: Never { fatalError() }
}

extension Optional: View where Wrapped: View {
    public typealias Body = Never
}

public struct TupleView<T>: View {
    public typealias Body = Never
}

public struct EmptyView: View {
    public typealias Body = Never
}

public struct ConditionalContent<First: View, Second: View>: View {
    public typealias Body = Never
}

@resultBuilder
public enum ViewBuilder {
    public static func buildBlock() -> EmptyView { fatalError() }
    public static func buildBlock<Content: View>(_ content: Content) -> Content { content }
    public static func buildBlock<each Content: View>(_ content: repeat each Content) -> TupleView<(repeat each Content)> {
        fatalError()
    }
    public static func buildIf<Content: View>(_ content: Content?) -> Content? { content }
    public static func buildEither<First: View, Second: View>(first: First) -> ConditionalContent<First, Second> {
        fatalError()
    }
    public static func buildEither<First: View, Second: View>(second: Second) -> ConditionalContent<First, Second> {
        fatalError()
    }
}

public protocol App {
    associatedtype Body: Scene
    @SceneBuilder @MainActor @preconcurrency var body: Body { get }
    @MainActor @preconcurrency init()
}

extension App {
    @MainActor @preconcurrency public static func main() { fatalError() }
}

@MainActor @preconcurrency
public protocol Scene {}

@resultBuilder
public enum SceneBuilder {
    public static func buildBlock<Content: Scene>(_ content: Content) -> Content { content }
}

public struct WindowGroup<Content: View>: Scene {
    public init(@ViewBuilder content: () -> Content) { fatalError() }
}

// State.

@propertyWrapper
public struct State<Value> {
    public init(wrappedValue: Value) { fatalError() }
    public var wrappedValue: Value {
        get { fatalError() }
        nonmutating set { fatalError() }
    }
    public var projectedValue: Binding<Value> { fatalError() }
}

extension State where Value: ExpressibleByNilLiteral {
    public init() { fatalError() }
}

@propertyWrapper
public struct GestureState<Value> {
    public init(wrappedValue: Value) { fatalError() }
    public var wrappedValue: Value { fatalError() }
    public var projectedValue: GestureState<Value> { self }
}

public struct EnvironmentValues {
    public var scenePhase: ScenePhase { fatalError() }
}

@propertyWrapper
public struct Environment<Value> {
    public init(_ keyPath: KeyPath<EnvironmentValues, Value>) { fatalError() }
    public var wrappedValue: Value { fatalError() }
}

public enum ScenePhase: Sendable { case background, inactive, active }

@propertyWrapper
@dynamicMemberLookup
public struct Binding<Value> {
    public init(get: @escaping () -> Value, set: @escaping (Value) -> Void) { fatalError() }
    public var wrappedValue: Value {
        get { fatalError() }
        nonmutating set { fatalError() }
    }
    public subscript<Subject>(dynamicMember keyPath: WritableKeyPath<Value, Subject>) -> Binding<Subject> { fatalError() }
}

// Things to see.

public struct LocalizedStringKey: ExpressibleByStringInterpolation {
    public init(stringLiteral value: String) {}
}

public struct Text: View {
    public typealias Body = Never
    @_disfavoredOverload public init<S: StringProtocol>(_ content: S) { fatalError() }
    public init(_ key: LocalizedStringKey) { fatalError() }
}

public struct Image: View {
    public typealias Body = Never
    public init(uiImage: UIImage) { fatalError() }
    public func resizable() -> Image { fatalError() }
}

public struct Label: View {
    public typealias Body = Never
    public init(_ title: LocalizedStringKey, systemImage name: String) { fatalError() }
}

public struct Spacer: View {
    public typealias Body = Never
    public init() { fatalError() }
}

public struct Button: View {
    public typealias Body = Never
    public init(_ title: LocalizedStringKey, action: @escaping @MainActor () -> Void) { fatalError() }
    @_disfavoredOverload
    public init<S: StringProtocol>(_ title: S, action: @escaping @MainActor () -> Void) { fatalError() }
}

public struct ProgressView: View {
    public typealias Body = Never
    public init() { fatalError() }
}

@MainActor @preconcurrency
public protocol PickerStyle {}

public struct SegmentedPickerStyle: PickerStyle {}

extension PickerStyle where Self == SegmentedPickerStyle {
    public static var segmented: SegmentedPickerStyle { fatalError() }
}

public struct Picker<SelectionValue: Hashable, Content: View>: View {
    public typealias Body = Never
    public init(_ title: LocalizedStringKey, selection: Binding<SelectionValue>, @ViewBuilder content: () -> Content) {
        fatalError()
    }
}

public struct ForEach<Data: RandomAccessCollection, ID: Hashable, Content: View>: View {
    public typealias Body = Never
    public init(_ data: Data, id: KeyPath<Data.Element, ID>, @ViewBuilder content: @escaping (Data.Element) -> Content) {
        fatalError()
    }
}

// Where they lie.

public enum HorizontalAlignment { case leading, center, trailing }

public struct VStack<Content: View>: View {
    public typealias Body = Never
    public init(alignment: HorizontalAlignment = .center, @ViewBuilder content: () -> Content) { fatalError() }
}

public struct HStack<Content: View>: View {
    public typealias Body = Never
    public init(@ViewBuilder content: () -> Content) { fatalError() }
}

public struct ZStack<Content: View>: View {
    public typealias Body = Never
    public init(@ViewBuilder content: () -> Content) { fatalError() }
}

public struct ScrollView<Content: View>: View {
    public typealias Body = Never
    public init(@ViewBuilder content: () -> Content) { fatalError() }
}

public struct TabView<Content: View>: View {
    public typealias Body = Never
    public init(@ViewBuilder content: () -> Content) { fatalError() }
}

public struct GeometryProxy {
    public var size: CGSize { fatalError() }
}

public struct GeometryReader<Content: View>: View {
    public typealias Body = Never
    public init(@ViewBuilder content: @escaping (GeometryProxy) -> Content) { fatalError() }
}

// How they look.

public struct Color: ShapeStyle, Sendable {
    public init(red: Double, green: Double, blue: Double, opacity: Double = 1) { fatalError() }
}

extension Color: View {
    public typealias Body = Never
}

public protocol ShapeStyle: Sendable {}

public struct HierarchicalShapeStyle: ShapeStyle {}

extension ShapeStyle where Self == Color {
    public static var red: Color { fatalError() }
    public static var white: Color { fatalError() }
}

extension ShapeStyle where Self == HierarchicalShapeStyle {
    public static var secondary: HierarchicalShapeStyle { fatalError() }
}

public struct Font: Sendable {
    public enum TextStyle: Sendable { case body, footnote }
    public enum Design: Sendable { case `default`, monospaced }
    public static let footnote = Font()
    public static func system(_ style: TextStyle, design: Design? = nil) -> Font { fatalError() }
}

public struct Path {
    public init(_ rect: CGRect) { fatalError() }
}

public protocol Shape: Sendable, View {
    nonisolated func path(in rect: CGRect) -> Path
}

extension Shape {
    public func stroke<S: ShapeStyle>(_ content: S, lineWidth: CGFloat = 1) -> some View { EmptyView() }
}

public struct Rectangle: Shape {
    public typealias Body = Never
    public init() { fatalError() }
    public nonisolated func path(in rect: CGRect) -> Path { fatalError() }
}

extension Shape where Body == Never {
    public var body: Never { fatalError() }
}

// Fingers.

@MainActor @preconcurrency
public protocol Gesture<Value> {
    associatedtype Value
}

public struct ChangedGesture<Base: Gesture>: Gesture {
    public typealias Value = Base.Value
}

extension Gesture {
    public func onEnded(_ action: @escaping (Value) -> Void) -> ChangedGesture<Self> { fatalError() }
    public func sequenced<Other: Gesture>(before other: Other) -> SequenceGesture<Self, Other> { fatalError() }
}

public struct Transaction {}

extension Gesture {
    public func updating<State>(
        _ state: GestureState<State>, body: @escaping (Value, inout State, inout Transaction) -> Void
    ) -> ChangedGesture<Self> { fatalError() }
}

public struct SequenceGesture<First: Gesture, Second: Gesture>: Gesture {
    public enum Value {
        case first(First.Value)
        case second(First.Value, Second.Value?)
    }
}

extension SequenceGesture.Value: Equatable where First.Value: Equatable, Second.Value: Equatable {}

public struct LongPressGesture: Gesture {
    public typealias Value = Bool
    public init(minimumDuration: Double = 0.5, maximumDistance: CGFloat = 10) { fatalError() }
}

public struct DragGesture: Gesture {
    public struct Value: Equatable, Sendable {
        public var location: CGPoint { fatalError() }
        public var startLocation: CGPoint { fatalError() }
    }
    public init(minimumDistance: CGFloat = 10) { fatalError() }
}

public struct SpatialTapGesture: Gesture {
    public struct Value: Equatable, Sendable {
        public var location: CGPoint { fatalError() }
    }
    public init(count: Int = 1) { fatalError() }
}

// What changes them.

extension View {
    public func tabItem<V: View>(@ViewBuilder _ label: () -> V) -> some View { EmptyView() }
    public func foregroundStyle<S: ShapeStyle>(_ style: S) -> some View { EmptyView() }
    public func font(_ font: Font?) -> some View { EmptyView() }
    public func padding() -> some View { EmptyView() }
    public func disabled(_ disabled: Bool) -> some View { EmptyView() }
    public func accessibilityLabel<S: StringProtocol>(_ label: S) -> some View { EmptyView() }
    public func pickerStyle<S: PickerStyle>(_ style: S) -> some View { EmptyView() }
    public func scaledToFit() -> some View { EmptyView() }
    public func frame(width: CGFloat? = nil, height: CGFloat? = nil) -> some View { EmptyView() }
    public func frame(maxWidth: CGFloat? = nil, maxHeight: CGFloat? = nil) -> some View { EmptyView() }
    public func contentShape<S: Shape>(_ shape: S) -> some View { EmptyView() }
    public func gesture<T: Gesture>(_ gesture: T) -> some View { EmptyView() }
    public func simultaneousGesture<T: Gesture>(_ gesture: T) -> some View { EmptyView() }
    public func task(_ action: @escaping @MainActor @Sendable () async -> Void) -> some View { EmptyView() }
    public func onDisappear(perform action: (() -> Void)? = nil) -> some View { EmptyView() }
    public func onChange<V: Equatable>(of value: V, _ action: @escaping (V, V) -> Void) -> some View { EmptyView() }
    public func onReceive<P: Publisher>(_ publisher: P, perform action: @escaping (P.Output) -> Void) -> some View {
        EmptyView()
    }
}

// Of Combine, and of Foundation on Apple's systems.

public protocol Publisher<Output> {
    associatedtype Output
}

extension NotificationCenter {
    public struct Publisher: SwiftUI.Publisher {
        public typealias Output = Notification
    }
    public func publisher(for name: Notification.Name, object: AnyObject? = nil) -> NotificationCenter.Publisher {
        fatalError()
    }
}
