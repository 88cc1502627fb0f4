import Foundation

/// Something that a file, a photo, a phone or a person caused, in one line: what is wrong, what was expected, what to do.
/// It is shown on the screen and written to the log; nothing of the app ends because of it.
public struct Problem: LocalizedError, CustomStringConvertible, Sendable {
    /// The line.
    public let message: String

    /// Makes one of a text, which may hold what comes from anywhere.
    public init(_ message: String) {
        self.message = printable(message)
    }

    /// What is shown.
    public var errorDescription: String? { message }

    /// The line.
    public var description: String { message }
}

/// What an error says, whoever made it, in one line.
public func problem(of error: any Error) -> Problem {
    error as? Problem ?? Problem("\(error.localizedDescription); try again, or close other apps")
}

/// The first characters of a text that may come from anywhere, without control characters or line breaks.
public func printable(_ text: String, most: Int = 400) -> String {
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(most) {
        let isControl = scalar.properties.generalCategory == .control || (0x2028...0x2029).contains(scalar.value)
        shown.append(isControl ? " " : scalar)
    }
    return String(shown) + (text.unicodeScalars.count > most ? "..." : "")
}
