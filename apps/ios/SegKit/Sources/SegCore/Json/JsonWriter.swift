/// Writes JSON, all of it in ASCII.
///
/// Numbers must be finite: JSON has no others.
public func jsonText(_ value: Json) -> String {
    var text = ""
    write(value, to: &text)
    return text
}

private func write(_ value: Json, to text: inout String) {
    switch value {
    case .null: text += "null"
    case .flag(let flag): text += flag ? "true" : "false"
    case .number(let number):
        precondition(number.isFinite, "no JSON for \(number)")
        // "3", not "3.0": readers of whole numbers want no point.
        text += Int(exactly: number).map(String.init) ?? "\(number)"
    case .text(let content): writeText(content, to: &text)
    case .list(let items):
        text += "["
        for (place, item) in items.enumerated() {
            if place > 0 { text += "," }
            write(item, to: &text)
        }
        text += "]"
    case .object(let fields):
        text += "{"
        for (place, field) in fields.enumerated() {
            if place > 0 { text += "," }
            writeText(field.name, to: &text)
            text += ":"
            write(field.value, to: &text)
        }
        text += "}"
    }
}

private func writeText(_ content: String, to text: inout String) {
    text += "\""
    for unit in content.utf16 {
        switch unit {
        case 0x22, 0x5C: text += "\\" + String(Unicode.Scalar(UInt8(unit)))
        case 0x20..<0x7F: text.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
        default:
            let digits = String(unit, radix: 16)
            text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
    }
    text += "\""
}
