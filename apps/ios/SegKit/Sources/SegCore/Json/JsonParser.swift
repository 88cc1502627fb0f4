import Foundation

private let maxDepth = 64

/// Reads JSON strictly, as RFC 8259 has it; names may not be repeated, and nothing is nested more than 64 deep.
///
/// Foundation's own reader takes repeated names, and on Linux `true` for a number.
///
/// - Parameter name: Of the file, for messages.
/// - Throws: `Problem` if it is none.
public func parseJson(_ text: String, name: String) throws -> JsonValue {
    var parser = JsonParser(Array(text.utf8), name)
    return JsonValue(try parser.whole(), place: name)
}

private struct JsonParser {
    private let bytes: [UInt8]
    private let name: String
    private var at = 0

    init(_ bytes: [UInt8], _ name: String) {
        self.bytes = bytes
        self.name = name
    }

    mutating func whole() throws -> Json {
        let found = try value(0)
        skipBlank()
        if at != bytes.count { throw damage("something follows its end") }
        return found
    }

    private mutating func value(_ depth: Int) throws -> Json {
        if depth > maxDepth { throw damage("it is nested too deep") }
        skipBlank()
        switch peek {
        case UInt8(ascii: "{"): return try fields(depth)
        case UInt8(ascii: "["): return try items(depth)
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "t"): return try word("true", .flag(true))
        case UInt8(ascii: "f"): return try word("false", .flag(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func fields(_ depth: Int) throws -> Json {
        var found: [(name: String, value: Json)] = []
        var names: Set<String> = []
        try list(UInt8(ascii: "}")) { parser in
            parser.skipBlank()
            if parser.peek != UInt8(ascii: "\"") { throw parser.damage("a name is missing") }
            let field = try parser.string()
            parser.skipBlank()
            try parser.expect(UInt8(ascii: ":"))
            if !names.insert(field).inserted { throw parser.damage("a name comes twice") }
            found.append((field, try parser.value(depth + 1)))
        }
        return .object(found)
    }

    private mutating func items(_ depth: Int) throws -> Json {
        var found: [Json] = []
        try list(UInt8(ascii: "]")) { parser in found.append(try parser.value(depth + 1)) }
        return .list(found)
    }

    /// Reads what stands between brackets, entry by entry.
    private mutating func list(_ end: UInt8, _ entry: (inout JsonParser) throws -> Void) throws {
        at += 1
        skipBlank()
        if peek == end {
            at += 1
            return
        }
        while true {
            try entry(&self)
            skipBlank()
            if peek != UInt8(ascii: ",") { break }
            at += 1
        }
        try expect(end)
    }

    private mutating func string() throws -> String {
        at += 1
        var units: [UInt16] = []
        var start = at
        while true {
            guard let byte = peek else { throw damage("a text has no end") }
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                units += String(decoding: bytes[start..<at], as: UTF8.self).utf16
                at += 1
                if byte == UInt8(ascii: "\"") { return String(decoding: units, as: UTF16.self) }
                units.append(try escaped())
                start = at
            } else {
                if byte < 0x20 { throw damage("a text holds a control character") }
                at += 1
            }
        }
    }

    private mutating func escaped() throws -> UInt16 {
        let escapes: [UInt8: UInt16] = [
            UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F, UInt8(ascii: "b"): 0x08,
            UInt8(ascii: "f"): 0x0C, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09,
        ]
        guard let byte = peek else { throw damage("a text has no end") }
        at += 1
        if let unit = escapes[byte] { return unit }
        let digits = bytes[at..<min(at + 4, bytes.count)]
        let isHex = digits.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
        guard byte == UInt8(ascii: "u"), digits.count == 4, isHex,
            let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw damage("a text holds an unknown escape") }
        at += 4
        return unit
    }

    private mutating func number() throws -> Json {
        let start = at
        if peek == UInt8(ascii: "-") { at += 1 }
        guard let first = peek, isDigit(first) else { throw damage("a value is missing") }
        at += 1
        // No number begins with a zero that it does not need.
        if first != UInt8(ascii: "0") { skipDigits() }
        if peek == UInt8(ascii: ".") {
            at += 1
            try needDigits()
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            at += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
            try needDigits()
        }
        guard let found = Double(String(decoding: bytes[start..<at], as: UTF8.self)), found.isFinite else {
            throw damage("a number is too large")
        }
        return .number(found)
    }

    private mutating func needDigits() throws {
        guard let byte = peek, isDigit(byte) else { throw damage("a number is malformed") }
        skipDigits()
    }

    private mutating func skipDigits() {
        while let byte = peek, isDigit(byte) { at += 1 }
    }

    private mutating func word(_ word: String, _ meaning: Json) throws -> Json {
        if !bytes[at...].starts(with: word.utf8) { throw damage("a value is missing") }
        at += word.utf8.count
        return meaning
    }

    private mutating func expect(_ byte: UInt8) throws {
        if peek != byte { throw damage("\"\(Character(Unicode.Scalar(byte)))\" is missing") }
        at += 1
    }

    private mutating func skipBlank() {
        while let byte = peek, byte == 0x20 || (0x09...0x0D).contains(byte) && byte != 0x0B && byte != 0x0C { at += 1 }
    }

    private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

    private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private func damage(_ what: String) -> Problem {
        Problem("\(name) is damaged: \(what) (byte \(at)); copy it again")
    }
}
