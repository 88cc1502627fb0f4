import COnnxRuntime
import Foundation
import SegCore

/// The functions of ONNX Runtime, and its environment.
final class OnnxApi {
    /// For messages.
    let runtime: String
    let functions: OrtApi
    let environment: OpaquePointer

    /// The version of the library; nil if it does not say.
    static var version: String? { OrtGetApiBase()?.pointee.GetVersionString().map { String(cString: $0) } }

    /// - Throws: `Problem` if the library is older than what this was built with.
    init(_ runtime: String) throws {
        guard let api = OrtGetApiBase()?.pointee.GetApi(UInt32(ORT_API_VERSION)) else {
            throw Problem(
                "\(runtime) \(Self.version ?? "") does not know the interface \(ORT_API_VERSION); install a newer app")
        }
        self.runtime = runtime
        functions = api.pointee
        // Else it sends usage figures to its makers, and asks the system for the names of its disks.
        setenv("ORT_DISABLE_TELEMETRY", "1", 1)
        var made: OpaquePointer?
        try Self.check(functions.CreateEnv(ORT_LOGGING_LEVEL_ERROR, "rapsam", &made), functions, "\(runtime) fails")
        guard let made else { throw Problem("\(runtime) does not start; close other apps") }
        environment = made
        try call { $0.DisableTelemetryEvents(environment) }
    }

    deinit {
        functions.ReleaseEnv(environment)
    }

    /// Calls a function.
    ///
    /// - Throws: `Problem` with its words, if it fails.
    func call(_ failure: String? = nil, _ function: (OrtApi) -> OrtStatusPtr?) throws {
        try Self.check(function(functions), functions, failure ?? "\(runtime) fails")
    }

    /// Calls a function that makes something; see `call`.
    func made(
        _ failure: String? = nil, _ function: (OrtApi, inout OpaquePointer?) -> OrtStatusPtr?
    ) throws -> OpaquePointer {
        var made: OpaquePointer?
        try call(failure) { function($0, &made) }
        guard let made else { throw Problem("\(failure ?? "\(runtime) fails"): it made nothing; take another bundle") }
        return made
    }

    /// Names of the inputs or outputs of a session.
    func names(
        of session: OpaquePointer, _ count: (OrtApi, OpaquePointer, inout Int) -> OrtStatusPtr?,
        _ name: (
            OrtApi, OpaquePointer, Int, UnsafeMutablePointer<OrtAllocator>?, inout UnsafeMutablePointer<CChar>?
        ) -> OrtStatusPtr?
    ) throws -> [String] {
        var allocator: UnsafeMutablePointer<OrtAllocator>?
        try call { $0.GetAllocatorWithDefaultOptions(&allocator) }
        var total = 0
        try call { count($0, session, &total) }
        return try (0..<total).map { place in
            var found: UnsafeMutablePointer<CChar>?
            try call { name($0, session, place, allocator, &found) }
            defer { _ = functions.AllocatorFree(allocator, found) }
            return found.map { String(cString: $0) } ?? ""
        }
    }

    private static func check(_ status: OrtStatusPtr?, _ functions: OrtApi, _ failure: String) throws {
        guard let status else { return }
        defer { functions.ReleaseStatus(status) }
        let words = functions.GetErrorMessage(status).map { String(cString: $0) } ?? "no reason given"
        throw Problem("\(failure) (\(words.prefix(200))); take another compute unit, or export the bundle again")
    }
}
