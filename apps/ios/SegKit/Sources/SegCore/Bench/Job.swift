/// Of the contract of files between `rapsam bench` and an app; benchmarks/runners/app_contract.py defines it.
let contractVersion = 1

/// In the app's documents; below it, a folder of its own for every run.
let benchFolder = "rapsam-bench"

/// What is asked, in the folder of a run.
let jobFile = "job.json"

/// The bundle that is measured, in the folder of a run.
let bundleFolder = "bundle"

/// Where the app writes, in the folder of a run.
let outFolder = "out"

/// What the app found, in `outFolder`.
let resultFile = "result.json"

/// In the app's documents; holds the number of the run, and is written last.
let doneFile = "benchmark.done"

/// With the number of the run behind it, at launch.
private let launchArgument = "--rapsam-benchmark"

private let mostThreads = 64
private let mostSeconds = 1e7
private let mostIterations = 100_000
private let mostRounds = 1000
private let runIdLetters = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")

/// How a run is timed.
public struct Timing: Sendable {
    /// Least samples of a stage.
    var iters: Int
    /// Least time of a stage, all samples together.
    var minSeconds: Double
    /// A stage ends then, whatever it lacks.
    var maxSeconds: Double
    /// Turns among which that is divided.
    var rounds: Int
    /// Between turns, in seconds.
    var pauseS: Double
    /// Time for a graph to become steady, in seconds.
    var warmupMaxS: Double
    /// Those that are wanted, by kind, subject or both; none for all.
    var stages: [String]
    /// How long the first stage that is whole runs on without a pause; nil for not at all.
    var sustainedS: Double?
}

/// What the app is asked.
public struct Job: Sendable {
    var runId: String
    /// What is to run the graphs; see `EngineFactory.runtimes`.
    var runtime: String
    /// CPU threads; nil: the runtime chooses.
    var threads: Int?
    var timing: Timing
}

/// The number of the run that the app was started for; nil if for none.
///
/// - Parameter arguments: Of the app, at launch.
public func benchmarkRun(in arguments: [String]) -> String? {
    guard let place = arguments.firstIndex(of: launchArgument), place + 1 < arguments.count else { return nil }
    return arguments[place + 1]
}

/// Whether a text can be the number of a run, and so the name of a folder.
func isRunId(_ text: String) -> Bool { (1...100).contains(text.count) && text.allSatisfy(runIdLetters.contains) }

/// Reads a job.
///
/// - Parameter runId: Number of the run that was asked for.
/// - Throws: `Problem` if it is damaged, another run's, or of another contract.
func readJob(_ text: String, runId: String) throws -> Job {
    let json = try parseJson(text, name: jobFile)
    let version = try json.field("schema_version").int()
    let told = try json.field("run_id").text()
    if version != contractVersion || told != runId {
        throw Problem(
            "\(jobFile) is of run \"\(told)\", schema \(version); expected \"\(runId)\", schema \(contractVersion): install "
                + "the app of this toolkit's version")
    }
    let timing = try json.field("timing")
    return Job(
        runId: told,
        runtime: try json.field("runtime").text(),
        threads: try json.field("threads").orNil?.int(in: 1...mostThreads),
        timing: Timing(
            iters: try timing.field("iters").int(in: 1...mostIterations),
            minSeconds: try timing.field("min_seconds").number(in: 0...mostSeconds),
            maxSeconds: try timing.field("max_seconds").number(in: 0...mostSeconds),
            rounds: try timing.field("rounds").int(in: 1...mostRounds),
            pauseS: try timing.field("pause_s").number(in: 0...mostSeconds),
            warmupMaxS: try timing.field("warmup_max_s").number(in: 0...mostSeconds),
            stages: try timing.field("stages").items().map { try $0.text() },
            sustainedS: try timing.field("sustained_s").orNil?.number(in: 0...mostSeconds)))
}
