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
    private let files: FileManager

    /// - Parameters:
    ///   - folder: Of the app's caches; nothing else may lie there.
    ///   - name: Of what is made, as in "model.mlmodelc".
    ///   - files: What reads and writes there.
    public init(in folder: URL, name: String, files: FileManager = .default) {
        self.folder = folder
        self.name = name
        self.files = files
    }

    /// Loads what was made of a model, or makes it first. What an earlier start left may have become unreadable: then it is made
    /// anew, once.
    ///
    /// - Parameters:
    ///   - origin: All that it depends on, in words.
    ///   - compile: Makes it, and returns where it lies; it is moved from there.
    ///   - load: Throws a `Problem` where making it anew would change nothing.
    /// - Throws: What these throw, and `Problem` if there is no space, or what lies there cannot be replaced.
    public func load<Model>(
        _ origin: String, compile: () throws -> URL, _ load: (Found) throws -> Model
    ) throws -> Model {
        let found = try find(origin, compile: compile)
        do {
            return try load(found)
        } catch  where !found.isNew && !(error is Problem) {
            return try load(try made(origin, compile: compile))
        }
    }

    /// Finds what was made of a model, or makes it.
    func find(_ origin: String, compile: () throws -> URL) throws -> Found {
        let own = ownFolder(of: origin)
        let place = own.appendingPathComponent(name, isDirectory: true)
        if files.fileExists(atPath: place.path) {
            let time = try? String(contentsOf: own.appendingPathComponent(timeFile), encoding: .utf8)
            return Found(place: place, compileMs: time.flatMap { Double($0) }, isNew: false)
        }
        return try made(origin, compile: compile)
    }

    private func made(_ origin: String, compile: () throws -> URL) throws -> Found {
        let own = ownFolder(of: origin)
        let (made, times) = try LoadTimes.measured(compile)
        do {
            try keep(made, times.loadMs, in: own)
        } catch let problem as Problem {
            try? files.removeItem(at: made)
            throw problem
        } catch {
            try? files.removeItem(at: made)
            throw Problem("cannot keep what was made of the model; free some space on the phone")
        }
        let place = own.appendingPathComponent(name, isDirectory: true)
        return Found(place: place, compileMs: times.loadMs, isNew: true)
    }

    /// Moves a model to its place so that nobody ever finds half of it.
    private func keep(_ made: URL, _ compileMs: Double, in own: URL) throws {
        let scratch = own.appendingPathExtension("part")
        try? files.removeItem(at: scratch)
        try files.createDirectory(at: scratch, withIntermediateDirectories: true)
        try files.moveItem(at: made, to: scratch.appendingPathComponent(name))
        try "\(compileMs)".write(to: scratch.appendingPathComponent(timeFile), atomically: true, encoding: .utf8)
        try remove(own)
        try files.moveItem(at: scratch, to: own)
    }

    private func remove(_ own: URL) throws {
        guard files.fileExists(atPath: own.path) else { return }
        do {
            try files.removeItem(at: own)
        } catch {
            throw Problem(
                "what was made of the model cannot be read, nor removed (\(error.localizedDescription)); remove the app, and "
                    + "install it again")
        }
    }

    /// Removes all but what was made of these.
    public func keep(only origins: [String]) {
        let kept = Set(origins.map(Self.folderName))
        let names = (try? files.contentsOfDirectory(atPath: folder.path)) ?? []
        for name in names where !kept.contains(name) {
            try? files.removeItem(at: folder.appendingPathComponent(name))
        }
    }

    private func ownFolder(of origin: String) -> URL {
        folder.appendingPathComponent(Self.folderName(of: origin), isDirectory: true)
    }

    private static func folderName(of origin: String) -> String { Sha256.hex(of: Array(origin.utf8)) }
}
