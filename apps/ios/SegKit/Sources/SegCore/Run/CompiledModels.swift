import Foundation

/// What a runtime makes of models at some cost, kept from start to start: each in a folder of its own, named after what it
/// was made from. One thread at a time.
public struct CompiledModels {
    /// A model that is ready to be loaded.
    public struct Found {
        public let place: URL
        /// How long it took to make it; nil if it was there.
        public let compileMs: Double?
    }

    private let folder: URL
    private let ending: String

    /// - Parameters:
    ///   - folder: Of the app's caches; nothing else may lie there.
    ///   - ending: Of the names, as in ".mlmodelc".
    public init(in folder: URL, ending: String) {
        self.folder = folder
        self.ending = ending
    }

    /// Finds what was made of a model, or makes it.
    ///
    /// - Parameters:
    ///   - origin: All that it depends on, in words.
    ///   - compile: Makes it, and returns where it lies; it is moved from there.
    /// - Throws: What that throws, and `Problem` if there is no space.
    public func find(_ origin: String, compile: () throws -> URL) throws -> Found {
        let place = place(of: origin)
        if FileManager.default.fileExists(atPath: place.path) { return Found(place: place, compileMs: nil) }
        let (made, times) = try LoadTimes.measured(compile)
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try FileManager.default.moveItem(at: made, to: place)
        } catch {
            try? FileManager.default.removeItem(at: made)
            throw Problem("cannot keep what was made of the model; free some space on the phone")
        }
        return Found(place: place, compileMs: times.loadMs)
    }

    /// Removes what was made of a model, as when it cannot be loaded.
    public func remove(_ origin: String) { try? FileManager.default.removeItem(at: place(of: origin)) }

    /// Removes all but what was made of these.
    public func keep(only origins: [String]) {
        let kept = Set(origins.map { place(of: $0).lastPathComponent })
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        for name in names where !kept.contains(name) {
            try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
        }
    }

    private func place(of origin: String) -> URL {
        folder.appendingPathComponent(Sha256.hex(of: Array(origin.utf8)) + ending, isDirectory: true)
    }
}
