import Foundation

/// What a report is about.
public enum Report: String, Sendable {
    case selfTest = "Self-test"
    case benchmark = "Benchmark"

    /// What it does, for people.
    public var explained: String {
        switch self {
        case .selfTest: "Compares what this phone computes with what the bundle expects."
        case .benchmark: "Measures how long this phone takes."
        }
    }
}

/// The bundle and what runs it, for all screens. The graphs are in memory once. One thread at a time: whoever passes it on sees
/// to that.
public final class Desk: @unchecked Sendable {
    private let engines: [any EngineFactory]
    private let place: () throws -> URL
    private var known: ModelBundle?
    private var kept: LoadedBundle?
    private var photos: PhotoSession?
    private var live: Segmenter?
    private var brush: ObjectPainter?

    /// - Parameters:
    ///   - engines: Of the app.
    ///   - place: Says where the bundle lies.
    public init(engines: [any EngineFactory], place: @escaping () throws -> URL) {
        self.engines = engines
        self.place = place
    }

    /// The bundle, every file of it verified.
    public func bundle() throws -> ModelBundle {
        let bundle = try known ?? ModelBundle(at: place())
        known = bundle
        return bundle
    }

    /// Its engine.
    public func factory() throws -> any EngineFactory { try LoadedBundle.factory(for: bundle(), of: engines) }

    /// The photo and what was asked of it.
    public func session() throws -> PhotoSession {
        let session =
            try photos
            ?? PhotoSession(labels: bundle().manifest.labels) { [unowned self] in Segmenter(try loaded()) }
        photos = session
        return session
    }

    /// What looks at the camera's frames.
    public func camera() throws -> Segmenter {
        let segmenter = try live ?? Segmenter(loaded())
        live = segmenter
        return segmenter
    }

    /// What paints over them.
    public func painter() throws -> ObjectPainter {
        let painter = try brush ?? ObjectPainter(labels: bundle().manifest.labels)
        brush = painter
        return painter
    }

    /// Lets photo and frames go, as when memory is short; tracks keep their numbers. Returns the number of the photo; nil if
    /// there was none.
    public func forget() -> Int? {
        let lost = photos?.number
        photos?.forget()
        live?.forget()
        brush = nil
        return lost
    }

    /// Says in one line what is loaded.
    public func description() throws -> String {
        let manifest = try bundle().manifest
        let loaded = try loaded()
        return "\(manifest.model), \(manifest.recipe); \(loaded.runtime) \(loaded.engine.version ?? "")"
    }

    /// Tests or measures the bundle, with no other copy of its graphs in memory.
    ///
    /// - Parameters:
    ///   - job: On which compute unit, and how it is timed.
    ///   - tell: Told what begins now.
    /// - Throws: `Problem` if the bundle or the unit cannot be used.
    public func text(
        of report: Report, _ job: Job, phone: any Phone, tell: @escaping (String) -> Void
    ) throws -> String {
        kept = nil
        live = nil
        photos?.releaseNetwork()
        switch report {
        case .selfTest: return selfTestText(try selfTest(loaded(for: job.runtime), onCase: tell))
        case .benchmark:
            return findingsText(try Benchmark(job, on: phone, tell: tell).run(bundle(), with: factory()))
        }
    }

    /// The graphs, loaded for the unit that is taken unless told.
    private func loaded() throws -> LoadedBundle {
        let loaded = try kept ?? loaded(for: factory().runtimes[0])
        kept = loaded
        return loaded
    }

    private func loaded(for runtime: String) throws -> LoadedBundle {
        try LoadedBundle(bundle(), factory: factory(), runtime: runtime, threads: nil)
    }
}
