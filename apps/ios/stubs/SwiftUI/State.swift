// What the app uses of SwiftUI: what changes.

/// Where a value lies; views that are made anew find the one of before.
final class Place<Value> {
    var value: Value
    /// The same view's of before.
    var before: Place<Value>?
    var lasting: Place<Value> { before?.lasting ?? self }

    init(_ value: Value) { self.value = value }
}

/// What a view keeps from one drawing to the next.
protocol Lasting {
    var place: AnyObject { get }
    func take(_ before: AnyObject)
}

@propertyWrapper
public struct State<Value>: Lasting {
    private let own: Place<Value>
    public init(wrappedValue: Value) { own = Place(wrappedValue) }
    public var wrappedValue: Value {
        get { own.lasting.value }
        nonmutating set { own.lasting.value = newValue }
    }
    public var projectedValue: Binding<Value> {
        let own = own
        return Binding(get: { own.lasting.value }, set: { own.lasting.value = $0 })
    }
    var place: AnyObject { own }
    func take(_ before: AnyObject) { own.before = (before as! Place<Value>) }
}

extension State where Value: ExpressibleByNilLiteral {
    public init() { self.init(wrappedValue: nil) }
}

@propertyWrapper
public struct GestureState<Value>: Lasting {
    private let own: Place<Value>
    private let initial: Value
    public init(wrappedValue: Value) {
        own = Place(wrappedValue)
        initial = wrappedValue
    }
    public var wrappedValue: Value { own.lasting.value }
    public var projectedValue: GestureState<Value> { self }
    var place: AnyObject { own }
    func take(_ before: AnyObject) { own.before = (before as! Place<Value>) }
    func set(_ value: Value?) { own.lasting.value = value ?? initial }
}

public struct EnvironmentValues {
    public var scenePhase: ScenePhase { .active }
}

@propertyWrapper
public struct Environment<Value> {
    private let keyPath: KeyPath<EnvironmentValues, Value>
    public init(_ keyPath: KeyPath<EnvironmentValues, Value>) { self.keyPath = keyPath }
    public var wrappedValue: Value { EnvironmentValues()[keyPath: keyPath] }
}

public enum ScenePhase: Sendable { case background, inactive, active }

@propertyWrapper
@dynamicMemberLookup
public struct Binding<Value> {
    private let get: () -> Value
    private let set: (Value) -> Void
    public init(get: @escaping () -> Value, set: @escaping (Value) -> Void) {
        self.get = get
        self.set = set
    }
    public var wrappedValue: Value {
        get { get() }
        nonmutating set { set(newValue) }
    }
    public subscript<Subject>(dynamicMember keyPath: WritableKeyPath<Value, Subject>) -> Binding<Subject> {
        Binding<Subject>(get: { get()[keyPath: keyPath] }) { part in
            var whole = get()
            whole[keyPath: keyPath] = part
            set(whole)
        }
    }
}
