/// Anything that JSON can say.
public indirect enum Json: Sendable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([Json])
    /// Fields in their order.
    case object([(name: String, value: Json)])
}

extension Json: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByStringLiteral {
    public init(nilLiteral: ()) { self = .null }

    public init(booleanLiteral value: Bool) { self = .flag(value) }

    public init(stringLiteral value: String) { self = .text(value) }
}

extension Json: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    public init(integerLiteral value: Int) { self = .number(Double(value)) }

    public init(floatLiteral value: Double) { self = .number(value) }
}

extension Json: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    public init(arrayLiteral elements: Json...) { self = .list(elements) }

    public init(dictionaryLiteral elements: (String, Json)...) {
        self = .object(elements.map { (name: $0.0, value: $0.1) })
    }
}

extension Json {
    /// A whole number; null for nil.
    public static func int(_ value: Int?) -> Json { value.map { .number(Double($0)) } ?? .null }

    /// A number; null for nil.
    public static func double(_ value: Double?) -> Json { value.map(Json.number) ?? .null }

    /// A text; null for nil.
    public static func string(_ value: String?) -> Json { value.map(Json.text) ?? .null }

    /// True or false; null for nil.
    public static func bool(_ value: Bool?) -> Json { value.map(Json.flag) ?? .null }

    /// A field of an object; nil where it is not there, or this is none.
    public subscript(name: String) -> Json? {
        get {
            guard case .object(let fields) = self else { return nil }
            return fields.first { $0.name == name }?.value
        }
        set {
            guard case .object(var fields) = self else { return }
            fields.removeAll { $0.name == name }
            if let newValue { fields.append((name, newValue)) }
            self = .object(fields)
        }
    }
}
