import Foundation

private let maxJobBytes = 1 << 20

/// The files of a run, in the app's documents: reads the job, runs it, and leaves the result.
public struct JobFolder {
    private let documents: URL
    private let runId: String

    /// - Parameters:
    ///   - documents: Of the app, where whoever asks can write and read.
    ///   - runId: Number of the run.
    public init(in documents: URL, runId: String) {
        self.documents = documents
        self.runId = runId
    }

    private var folder: URL { documents.appendingPathComponent(benchFolder).appendingPathComponent(runId) }

    private var out: URL { folder.appendingPathComponent(outFolder) }

    /// Runs the job. Whatever goes wrong is left as the result, and so is told where it was asked; and that the run has ended is
    /// told there even where no result can be written.
    ///
    /// - Returns: Why there is no result; nil if there is one.
    /// - Throws: `Problem` if not even that can be written.
    @discardableResult
    public func run(
        app: AppBuild, phone: any Phone, factories: [any EngineFactory], tell: @escaping (String) -> Void
    ) throws -> String? {
        guard isRunId(runId) else {
            throw Problem("\"\(runId)\" is no number of a run; expected letters, digits, - and _")
        }
        removeOtherRuns()
        let left = Result { try leaveResult(app, phone, factories, tell) }
        try write(Data("\(runId)\n".utf8), to: documents.appendingPathComponent(doneFile))
        return try left.get()
    }

    private func leaveResult(
        _ app: AppBuild, _ phone: any Phone, _ factories: [any EngineFactory], _ tell: @escaping (String) -> Void
    ) throws -> String? {
        do {
            try FileManager.default.createDirectory(at: out, withIntermediateDirectories: true)
        } catch {
            throw Problem("cannot write to \(out.path); expected the folder of a run: push it again")
        }
        var error: String?
        var result: Json
        do {
            result = resultJson(runId, app, try measured(phone, factories, tell))
        } catch let failure {
            let message = problem(of: failure).message
            error = message
            result = errorJson(runId, app, phone.facts(), message)
        }
        try write(Data(jsonText(result).utf8), to: out.appendingPathComponent(resultFile))
        return error
    }

    /// Removes what other runs, and this one before, have left.
    private func removeOtherRuns() {
        let files = FileManager.default
        let runs = documents.appendingPathComponent(benchFolder)
        for name in (try? files.contentsOfDirectory(atPath: runs.path)) ?? [] where name != runId {
            try? files.removeItem(at: runs.appendingPathComponent(name))
        }
        try? files.removeItem(at: documents.appendingPathComponent(doneFile))
        try? files.removeItem(at: out)
    }

    private func measured(
        _ phone: any Phone, _ factories: [any EngineFactory], _ tell: @escaping (String) -> Void
    ) throws -> Findings {
        let job = try readJob(jobText(), runId: runId)
        tell("Reading the bundle")
        let bundle = try ModelBundle(at: folder.appendingPathComponent(bundleFolder))
        let factory = try LoadedBundle.factory(for: bundle, of: factories)
        return try Benchmark(job, on: phone, tell: tell).run(bundle, with: factory) { place, graph, output, values in
            let bytes = values.withUnsafeBytes { Data($0) }
            try write(bytes, to: out.appendingPathComponent(outputFile(place, graph: graph, output: output)))
        }
    }

    private func jobText() throws -> String {
        let place = folder.appendingPathComponent(jobFile)
        guard let handle = try? FileHandle(forReadingFrom: place) else {
            throw Problem("there is no \(jobFile) in \(folder.path); push the folder of the run first")
        }
        defer { try? handle.close() }
        guard let bytes = try? handle.read(upToCount: maxJobBytes + 1), bytes.count <= maxJobBytes,
            let text = String(data: bytes, encoding: .utf8)
        else {
            throw Problem("\(jobFile) is no text of at most \(maxJobBytes) bytes; push the folder of the run again")
        }
        return text
    }

    /// Writes a file so that nobody meets half of one.
    private func write(_ content: Data, to place: URL) throws {
        do {
            try content.write(to: place, options: .atomic)
        } catch {
            throw Problem("cannot write \(place.lastPathComponent); free some space on the phone")
        }
    }
}
