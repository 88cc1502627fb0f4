/// A value of a JSON file that is not trusted: each accessor says where something else stands than is expected.
public struct JsonValue {
    private let value: Json
    /// File and path in it, for messages.
    private let place: String

    init(_ value: Json, place: String) {
        self.value = value
        self.place = place
    }

    /// Whether it is null, or a field that is not there.
    public var isNull: Bool {
        if case .null = value { return true }
        return false
    }

    /// This value, or nil where it is null.
    public var orNil: JsonValue? { isNull ? nil : self }

    /// A field; null where it is not there.
    public func field(_ name: String) throws -> JsonValue {
        guard case .object = value else { throw unexpected("an object") }
        return JsonValue(value[name] ?? .null, place: "\(place), \(name)")
    }

    /// Entries of a list.
    public func items() throws -> [JsonValue] {
        guard case .list(let items) = value else { throw unexpected("a list") }
        return items.enumerated().map { JsonValue($1, place: "\(place)[\($0)]") }
    }

    /// A text.
    public func text() throws -> String {
        guard case .text(let text) = value else { throw unexpected("a text") }
        return text
    }

    /// True or false.
    public func flag() throws -> Bool {
        guard case .flag(let flag) = value else { throw unexpected("true or false") }
        return flag
    }

    /// A number.
    public func number() throws -> Double {
        guard case .number(let number) = value else { throw unexpected("a number") }
        return number
    }

    /// A number within limits.
    public func number(in limits: ClosedRange<Double>) throws -> Double {
        let found = try number()
        guard limits.contains(found) else {
            throw unexpected("a number of \(limits.lowerBound) to \(limits.upperBound)")
        }
        return found
    }

    /// A whole number within limits.
    public func int(in limits: ClosedRange<Int> = 0...Int(Int32.max)) throws -> Int {
        let found = try number()
        guard let whole = Int(exactly: found), limits.contains(whole) else {
            throw unexpected("a whole number of \(limits.lowerBound) to \(limits.upperBound)")
        }
        return whole
    }

    private func unexpected(_ expected: String) -> Problem {
        Problem("\(place) is \(shown); expected \(expected): copy or make it again")
    }

    private var shown: String {
        switch value {
        case .null: "null"
        case .flag(let flag): "\(flag)"
        case .number(let number): "\(number)"
        case .text(let text): text
        case .list, .object: "something else"
        }
    }
}
