import Foundation
import SegCore

/// Does all work with the bundle one after another, on a thread that is not the screen's.
final class ModelWorker: Sendable {
    /// Where the work is done; the camera calls here.
    let queue = DispatchQueue(label: "org.rapsam.sample.worker", qos: .userInitiated)

    /// Only what runs on the queue touches it.
    private let desk = Desk(engines: engines, place: bundlePlace)

    /// Does something, and returns its result.
    ///
    /// - Throws: What the work throws.
    func run<Value: Sendable>(_ work: @escaping @Sendable (Desk) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [desk] in continuation.resume(with: Result { try work(desk) }) }
        }
    }

    /// The desk, for those who are on the queue already.
    func onQueue<Value>(_ work: (Desk) throws -> Value) rethrows -> Value {
        dispatchPrecondition(condition: .onQueue(queue))
        return try work(desk)
    }
}
