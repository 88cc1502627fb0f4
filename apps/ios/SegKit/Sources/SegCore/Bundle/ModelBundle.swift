import Foundation

let manifestName = "manifest.json"
private let sealName = "manifest.sha256"
private let maxManifestBytes = 8 << 20
private let maxSealBytes = 200

/// A folder that `rapsam export` made, whose files are those that its manifest names.
///
/// Nothing is signed: this finds damage and edits, not a forger who writes new digests too.
public struct ModelBundle: Sendable {
    public let manifest: Manifest
    private let folder: BundleFolder
    private let files: [String: FileEntry]

    /// Opens a bundle: reads its manifest, and compares every file with it.
    ///
    /// - Parameter onProgress: Told which file is being read.
    /// - Throws: `Problem` if it is altered, incomplete, or of another schema than this app reads.
    public init(at url: URL, onProgress: (String) -> Void = { _ in }) throws {
        let folder = BundleFolder(url: url)
        let bytes = try folder.read(manifestName, most: maxManifestBytes)
        let seal = try utf8(folder.read(sealName, most: maxSealBytes), sealName)
        guard seal.prefix(while: { $0 != " " }) == Sha256.hex(of: bytes) else {
            throw Problem("\(manifestName) is not what was sealed; copy or export the bundle again")
        }
        let manifest = try readManifest(utf8(bytes, manifestName))
        let files = Dictionary(uniqueKeysWithValues: manifest.files.map { ($0.path, $0) })
        let known = Set(files.keys).union([manifestName, sealName])
        if let added = try folder.list().first(where: { !known.contains($0) }) {
            throw Problem("the bundle holds \(added), which its manifest does not name; copy it again")
        }
        for file in manifest.files {
            onProgress(file.path)
            try folder.verify(file)
        }
        self.manifest = manifest
        self.folder = folder
        self.files = files
    }

    /// Whether there is a file of this path.
    func contains(_ path: String) -> Bool { files[path] != nil }

    /// Reads a file, and compares it with the manifest.
    ///
    /// - Throws: `Problem` if it is not there, or is another one than the manifest names.
    public func file(_ path: String) throws -> Data {
        guard let entry = files[path] else { throw Problem("the bundle has no file \(path); export it again") }
        var found = Data(capacity: entry.sizeBytes)
        try folder.verify(entry) { found.append($0) }
        return found
    }

    /// A file as text in UTF-8; see `file`.
    func text(_ path: String) throws -> String { try utf8(file(path), path) }

    /// A digest of a file, or of all files of a folder and their names, as the manifest has them.
    public func digest(_ path: String) -> String {
        let lines = files(at: path).map { "\($0.path) \($0.sha256)" }.sorted()
        return Sha256.hex(of: Array(lines.joined(separator: "\n").utf8))
    }

    private func files(at path: String) -> [FileEntry] {
        manifest.files.filter { $0.path == path || $0.path.hasPrefix(path + "/") }
    }

    /// Where a file, or a folder of files, lies; compared with the manifest once more.
    ///
    /// - Throws: `Problem` as `file`.
    public func verifiedPlace(_ path: String) throws -> URL {
        let within = files(at: path)
        if within.isEmpty { throw Problem("the bundle has no file \(path); export it again") }
        for entry in within { try folder.verify(entry) }
        return folder.url.appendingPathComponent(path)
    }
}

/// Decodes UTF-8 strictly.
private func utf8(_ bytes: Data, _ name: String) throws -> String {
    guard let text = String(data: bytes, encoding: .utf8) else {
        throw Problem("\(name) is damaged: it is no UTF-8 text; copy it again")
    }
    return text
}
