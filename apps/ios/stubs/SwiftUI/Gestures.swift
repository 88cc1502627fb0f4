// What the app uses of SwiftUI: fingers.

/// What a finger does. Not Apple's.
public enum Finger {
    case tapped(CGPoint)
    /// After it was held.
    case dragged(from: CGPoint, to: CGPoint, isUp: Bool)
}

/// What a gesture makes of it. Not Apple's.
public struct Felt<Value> {
    let value: Value
    let isEnd: Bool
}

@MainActor @preconcurrency
public protocol Gesture<Value> {
    associatedtype Value
    /// Nil where it is another gesture. Not Apple's.
    func felt(_ finger: Finger) -> Felt<Value>?
}

public struct ChangedGesture<Base: Gesture>: Gesture {
    public typealias Value = Base.Value
    fileprivate let base: Base
    fileprivate let action: (Felt<Value>) -> Void

    public func felt(_ finger: Finger) -> Felt<Value>? {
        let felt = base.felt(finger)
        if let felt { action(felt) }
        return felt
    }
}

extension Gesture {
    public func onEnded(_ action: @escaping (Value) -> Void) -> ChangedGesture<Self> {
        ChangedGesture(base: self) { if $0.isEnd { action($0.value) } }
    }
    public func sequenced<Other: Gesture>(before other: Other) -> SequenceGesture<Self, Other> {
        SequenceGesture(first: self, second: other)
    }
    public func updating<State>(
        _ state: GestureState<State>, body: @escaping (Value, inout State, inout Transaction) -> Void
    ) -> ChangedGesture<Self> {
        ChangedGesture(base: self) { felt in
            if felt.isEnd { return state.set(nil) }
            var (value, transaction) = (state.wrappedValue, Transaction())
            body(felt.value, &value, &transaction)
            state.set(value)
        }
    }
}

public struct Transaction {}

public struct SequenceGesture<First: Gesture, Second: Gesture>: Gesture {
    public enum Value {
        case first(First.Value)
        case second(First.Value, Second.Value?)
    }
    fileprivate let first: First
    fileprivate let second: Second

    public func felt(_ finger: Finger) -> Felt<Value>? {
        guard let one = first.felt(finger), let other = second.felt(finger) else { return nil }
        return Felt(value: .second(one.value, other.value), isEnd: other.isEnd)
    }
}

extension SequenceGesture.Value: Equatable where First.Value: Equatable, Second.Value: Equatable {}

public struct LongPressGesture: Gesture {
    public typealias Value = Bool
    public init(minimumDuration: Double = 0.5, maximumDistance: CGFloat = 10) {}

    public func felt(_ finger: Finger) -> Felt<Bool>? {
        if case .dragged = finger { Felt(value: true, isEnd: true) } else { nil }
    }
}

public struct DragGesture: Gesture {
    public struct Value: Equatable, Sendable {
        public let location: CGPoint
        public let startLocation: CGPoint
    }
    public init(minimumDistance: CGFloat = 10) {}

    public func felt(_ finger: Finger) -> Felt<Value>? {
        guard case .dragged(let start, let end, let isUp) = finger else { return nil }
        return Felt(value: Value(location: end, startLocation: start), isEnd: isUp)
    }
}

public struct SpatialTapGesture: Gesture {
    public struct Value: Equatable, Sendable {
        public let location: CGPoint
    }
    public init(count: Int = 1) {
        if count != 1 { fatalError("taps that are counted cannot be felt") }
    }

    public func felt(_ finger: Finger) -> Felt<Value>? {
        if case .tapped(let place) = finger { Felt(value: Value(location: place), isEnd: true) } else { nil }
    }
}
