import Foundation
import SegCore

/// Does all work with the bundle one after another, on a thread that is not the screen's.
final class ModelWorker: Sendable {
    /// Where the work is done; the camera calls here.
    let queue = DispatchQueue(label: "org.rapsam.sample.worker", qos: .userInitiated)

    /// Only what runs on the queue touches it.
    private let desk = Desk()

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

/// The bundle and what runs it. One thread at a time: `ModelWorker` sees to that.
final class Desk: @unchecked Sendable {
    private var known: ModelBundle?
    private var kept: LoadedBundle?
    private var photos: PhotoSession?
    private var live: Segmenter?
    private var brush: ObjectPainter?

    /// The bundle, every file of it verified.
    func bundle() throws -> ModelBundle {
        let bundle = try known ?? ModelBundle(at: bundlePlace())
        known = bundle
        return bundle
    }

    /// Its engine.
    func factory() throws -> any EngineFactory { try LoadedBundle.factory(for: bundle(), of: engines) }

    /// The graphs, loaded for the unit that is taken unless told.
    func loaded() throws -> LoadedBundle {
        let loaded = try kept ?? loaded(for: factory().runtimes[0])
        kept = loaded
        return loaded
    }

    /// The graphs, loaded for a unit; the caller's.
    func loaded(for runtime: String) throws -> LoadedBundle {
        try LoadedBundle(bundle(), factory: factory(), runtime: runtime, threads: nil)
    }

    /// The photo and what was asked of it.
    func session() throws -> PhotoSession {
        let session = try photos ?? PhotoSession(Segmenter(loaded()), labels: bundle().manifest.labels)
        photos = session
        return session
    }

    /// What looks at the camera's frames.
    func camera() throws -> Segmenter {
        let segmenter = try live ?? Segmenter(loaded())
        live = segmenter
        return segmenter
    }

    /// What paints over them.
    func painter() throws -> ObjectPainter {
        let painter = try brush ?? ObjectPainter(labels: bundle().manifest.labels)
        brush = painter
        return painter
    }

    /// Lets photo and frames go, as when memory is short; returns whether there was a photo.
    func forget() -> Bool {
        let wasThere = photos?.hasPhoto ?? false
        photos?.forget()
        live = nil
        brush = nil
        return wasThere
    }

    /// Says in one line what is loaded.
    func description() throws -> String {
        let manifest = try bundle().manifest
        let loaded = try loaded()
        return "\(manifest.model), \(manifest.recipe); \(loaded.runtime) \(loaded.engine.version ?? "")"
    }
}
