// What the app uses of the log, and of what the system tells of memory.
import Foundation

public enum OSLogPrivacy: Sendable { case `public`, `private`, auto }

public struct OSLogInterpolation: StringInterpolationProtocol {
    public init(literalCapacity: Int, interpolationCount: Int) {}
    var words = ""
    public mutating func appendLiteral(_ literal: String) { words += literal }
    public mutating func appendInterpolation(_ text: @autoclosure @escaping () -> String, privacy: OSLogPrivacy = .auto)
    {
        words += text()
    }
}

public struct OSLogMessage: ExpressibleByStringInterpolation {
    let words: String
    public init(stringLiteral value: String) { words = value }
    public init(stringInterpolation: OSLogInterpolation) { words = stringInterpolation.words }
}

public struct Logger: Sendable {
    public init(subsystem: String, category: String) {}
    public func error(_ message: OSLogMessage) { FileHandle.standardError.write(Data("\(message.words)\n".utf8)) }
}

/// What apps on phones with 4 GB have, about.
public func os_proc_available_memory() -> Int { 2 << 30 }
