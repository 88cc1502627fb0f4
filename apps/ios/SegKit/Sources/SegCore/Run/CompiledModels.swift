import Foundation

private let timeFile = "compile_ms"

/// What a runtime makes of models at some cost, kept from start to start: each in a folder of its own, named after what it
/// was made from. One thread at a time.
public struct CompiledModels {
    /// A model that is ready to be loaded.
    public struct Found {
        public let place: URL
        /// How long it took to make it, whenever that was; nil if that is not known any more.
        public let compileMs: Double?
        /// Whether it was made just now.
        public let isNew: Bool
    }

    private let folder: URL
    private let name: String

    /// - Parameters:
    ///   - folder: Of the app's caches; nothing else may lie there.
    ///   - name: Of what is made, as in "model.mlmodelc".
    public init(in folder: URL, name: String) {
        self.folder = folder
        self.name = name
    }

    /// Finds what was made of a model, or makes it.
    ///
    /// - Parameters:
    ///   - origin: All that it depends on, in words.
    ///   - compile: Makes it, and returns where it lies; it is moved from there.
    /// - Throws: What that throws, and `Problem` if there is no space.
    public func find(_ origin: String, compile: () throws -> URL) throws -> Found {
        let own = folder.appendingPathComponent(Self.folderName(of: origin), isDirectory: true)
        let place = own.appendingPathComponent(name, isDirectory: true)
        if FileManager.default.fileExists(atPath: place.path) {
            let time = try? String(contentsOf: own.appendingPathComponent(timeFile), encoding: .utf8)
            return Found(place: place, compileMs: time.flatMap { Double($0) }, isNew: false)
        }
        let (made, times) = try LoadTimes.measured(compile)
        do {
            try keep(made, times.loadMs, in: own)
        } catch {
            try? FileManager.default.removeItem(at: made)
            throw Problem("cannot keep what was made of the model; free some space on the phone")
        }
        return Found(place: place, compileMs: times.loadMs, isNew: true)
    }

    /// Moves a model to its place so that nobody ever finds half of it.
    private func keep(_ made: URL, _ compileMs: Double, in own: URL) throws {
        let files = FileManager.default
        let scratch = own.appendingPathExtension("part")
        try? files.removeItem(at: scratch)
        try files.createDirectory(at: scratch, withIntermediateDirectories: true)
        try files.moveItem(at: made, to: scratch.appendingPathComponent(name))
        try "\(compileMs)".write(to: scratch.appendingPathComponent(timeFile), atomically: true, encoding: .utf8)
        try? files.removeItem(at: own)
        try files.moveItem(at: scratch, to: own)
    }

    /// Removes what was made of a model, as when it cannot be loaded.
    public func remove(_ origin: String) {
        try? FileManager.default.removeItem(at: folder.appendingPathComponent(Self.folderName(of: origin)))
    }

    /// Removes all but what was made of these.
    public func keep(only origins: [String]) {
        let kept = Set(origins.map(Self.folderName))
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        for name in names where !kept.contains(name) {
            try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
        }
    }

    private static func folderName(of origin: String) -> String { Sha256.hex(of: Array(origin.utf8)) }
}
