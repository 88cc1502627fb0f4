import Foundation

private let maxFiles = 2000
private let maxDepth = 8
private let ofFileManagers: Set<String> = [".DS_Store", "Thumbs.db", "desktop.ini"]
private let chunk = 1 << 16

/// The folder of a bundle: its files are read within limits, and nothing beside it.
struct BundleFolder {
    let url: URL

    /// For messages.
    var name: String { url.path }

    /// Paths of all files, with "/" between folders; those that file managers leave are not among them.
    func list() throws -> [String] {
        var found: [String] = []
        try walk(url, "", 0, &found)
        return found
    }

    private func walk(_ folder: URL, _ prefix: String, _ depth: Int, _ found: inout [String]) throws {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else {
            throw Problem("\(name) cannot be read; expected the folder of a bundle")
        }
        if depth > maxDepth { throw Problem("\(name) has folders too deep for a bundle; copy the bundle again") }
        for entry in names.sorted() where !ofFileManagers.contains(entry) && !entry.hasPrefix("._") {
            let path = prefix + entry
            if found.count >= maxFiles {
                throw Problem("\(name) has more than \(maxFiles) files; expected a bundle")
            }
            let attributes = try? FileManager.default.attributesOfItem(atPath: folder.path + "/" + entry)
            switch attributes?[.type] as? FileAttributeType {
            case .typeDirectory?:
                try walk(folder.appendingPathComponent(entry), path + "/", depth + 1, &found)
            case .typeRegular?: found.append(path)
            // A link could lead to anything on this phone.
            default: throw Problem("\(path) in \(name) is a link; expected plain files: copy the bundle again")
            }
        }
    }

    /// Reads a file of at most so many bytes.
    ///
    /// - Throws: `Problem` if it is missing, larger, or cannot be read.
    func read(_ path: String, most: Int) throws -> Data {
        let handle = try open(path)
        defer { try? handle.close() }
        let found = try next(most + 1, of: handle, path)
        if found.count > most { throw Problem("\(path) has more than \(most) bytes; copy or export the bundle again") }
        return found
    }

    /// Compares a file with its size and digest.
    ///
    /// - Parameter take: Given every piece of it, before all of it is known to be right.
    /// - Throws: `Problem` if it is missing, or another one.
    func verify(_ file: FileEntry, take: (Data) -> Void = { _ in }) throws {
        let handle = try open(file.path)
        defer { try? handle.close() }
        var digest = Sha256()
        var left = file.sizeBytes
        while left >= 0 {
            let piece = try next(chunk, of: handle, file.path)
            if piece.isEmpty { break }
            left -= piece.count
            if left < 0 { break }
            take(piece)
            digest.update([UInt8](piece))
        }
        guard left == 0, digest.hex() == file.sha256 else {
            throw Problem("\(file.path) is not the file that the manifest names; copy the bundle again")
        }
    }

    private func open(_ path: String) throws -> FileHandle {
        guard let handle = FileHandle(forReadingAtPath: url.path + "/" + path) else { throw unreadable(path) }
        return handle
    }

    private func next(_ count: Int, of handle: FileHandle, _ path: String) throws -> Data {
        do {
            return try handle.read(upToCount: count) ?? Data()
        } catch {
            throw unreadable(path)
        }
    }

    private func unreadable(_ path: String) -> Problem {
        Problem("cannot read \(path) of the bundle \(name); copy or export the bundle again")
    }
}
