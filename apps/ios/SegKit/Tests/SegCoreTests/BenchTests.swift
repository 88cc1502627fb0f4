import Foundation
import XCTest

@testable import SegCore

private struct Quiet: Phone {
    let memoryMetric = "phys_footprint"

    func facts() -> PhoneFacts { PhoneFacts(cores: 4, ramMb: 2048, lowPower: false, battery: battery()) }

    func battery() -> Battery? { Battery(percent: 50, charging: nil) }

    func thermalState() -> String? { "nominal" }

    func memoryMb() -> Int? { 100 }
}

private func job(_ run: String) -> Json {
    [
        "schema_version": 1, "run_id": .text(run), "runtime": "Fake", "threads": nil,
        "timing": [
            "iters": 2, "min_seconds": 0, "max_seconds": 1, "rounds": 1, "pause_s": 0, "warmup_max_s": 0,
            "stages": ["graph", "click"], "sustained_s": 0.01,
        ],
    ]
}

/// What the screen asks for, without its patience.
func quickJob(_ runtime: String) -> Job {
    var job = screenJob(runtime)
    job.timing.iters = 1
    job.timing.rounds = 1
    job.timing.minSeconds = 0
    job.timing.pauseS = 0
    job.timing.warmupMaxS = 0
    return job
}

/// A benchmark that a computer asks for, and one that a person asks for.
final class BenchTests: XCTestCase {
    private var documents = URL(fileURLWithPath: "/")

    override func setUpWithError() throws {
        documents = FileManager.default.temporaryDirectory.appendingPathComponent("documents-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: documents, withIntermediateDirectories: true)
    }

    override func tearDown() { try? FileManager.default.removeItem(at: documents) }

    /// Runs a job, and returns its result and the folder in which it lies.
    private func ran(_ job: Json, _ mood: Mood = .works) throws -> (result: JsonValue, out: URL) {
        let folder = documents.appendingPathComponent("\(benchFolder)/r1")
        try? FileManager.default.removeItem(at: folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let bundle = try TinyBundle().written()
        try FileManager.default.copyItem(at: bundle.folder, to: folder.appendingPathComponent(bundleFolder))
        try jsonText(job).write(to: folder.appendingPathComponent(jobFile), atomically: true, encoding: .utf8)
        try JobFolder(in: documents, runId: "r1").run(
            app: AppBuild(version: "1", type: "debug"), phone: Quiet(), factories: [FakeFactory(mood)]
        ) { _ in }
        let done = documents.appendingPathComponent(doneFile)
        XCTAssertEqual(try String(contentsOf: done, encoding: .utf8), "r1\n")
        let out = folder.appendingPathComponent(outFolder)
        let text = try String(contentsOf: out.appendingPathComponent(resultFile), encoding: .utf8)
        return (try parseJson(text, name: "result"), out)
    }

    func testAJobIsRunAndItsResultOutputsAndEndAreLeft() throws {
        let old = documents.appendingPathComponent("\(benchFolder)/old")
        try FileManager.default.createDirectory(at: old, withIntermediateDirectories: true)
        let (result, out) = try ran(job("r1"))
        XCTAssertFalse(FileManager.default.fileExists(atPath: old.path))
        XCTAssertTrue(try result.field("error").isNull)
        let stages = try result.field("stages").items().map { try $0.field("kind").text() }
        XCTAssertEqual(stages, ["graph", "graph", "click", "graph"])
        let outputs = try FileManager.default.contentsOfDirectory(atPath: out.path).filter { $0.hasSuffix(".bin") }
        XCTAssertEqual(outputs.count, 6)
        let mask = try Data(contentsOf: out.appendingPathComponent("case0.graph1.output0.bin"))
        XCTAssertEqual(mask.count, 4 * (tinySide / 4) * (tinySide / 4))
        XCTAssertEqual(try result.field("thermal_states").items().map { try $0.text() }, ["nominal"])
        XCTAssertEqual(try result.field("battery").items()[0].field("percent").number(), 50)
        XCTAssertEqual(try result.field("graphs").items()[1].field("reported").items().map { try $0.text() }, ["fake"])
        // As the runtime measured them: nothing beside loading is in them.
        XCTAssertEqual(try result.field("graphs").items()[0].field("load_ms").number(), 3)
        XCTAssertEqual(try result.field("graphs").items()[0].field("compile_ms").number(), 2)
        XCTAssertEqual(try result.field("memory").field("metric").text(), "phys_footprint")
    }

    func testWhateverGoesWrongWithAJobIsItsResult() throws {
        var runtime = job("r1")
        runtime["runtime"] = "Core ML"
        var timing = job("r1")
        timing["timing"] = ["iters": 0]
        var stage = job("r1")
        stage["timing"]?["stages"] = ["nothing"]
        let wrong: [(Json, Mood, String)] = [
            (job("another"), .works, "another"), (runtime, .works, "does not run this bundle"),
            (timing, .works, "iters"), (stage, .works, "unknown stage \"nothing\""), (job("r1"), .refuses, "refuses"),
        ]
        for (job, mood, words) in wrong {
            let error = try ran(job, mood).result.field("error").text()
            XCTAssertTrue(error.contains(words), error)
        }
        var whole = job("r1")
        whole["timing"]?["stages"] = []
        let error = try ran(whole, .returnsNan).result.field("error").text()
        XCTAssertTrue(error.contains("NaN"), error)
    }

    func testThatARunHasEndedIsToldWhereNoResultCanBeWrittenToo() throws {
        let runs = documents.appendingPathComponent(benchFolder)
        try FileManager.default.createDirectory(at: runs, withIntermediateDirectories: true)
        try "no folder".write(to: runs.appendingPathComponent("r1"), atomically: true, encoding: .utf8)
        assertProblem("cannot write to", "push it again") {
            try JobFolder(in: documents, runId: "r1").run(
                app: AppBuild(version: "1", type: "debug"), phone: Quiet(), factories: []
            ) { _ in }
        }
        let done = documents.appendingPathComponent(doneFile)
        XCTAssertEqual(try String(contentsOf: done, encoding: .utf8), "r1\n")
    }

    func testARunWhoseNameLeadsElsewhereIsRefused() {
        assertProblem("no number of a run") {
            try JobFolder(in: documents, runId: "../x").run(
                app: AppBuild(version: "1", type: "debug"), phone: Quiet(), factories: []
            ) { _ in }
        }
    }

    func testTheAppKnowsWhatItWasStartedFor() {
        XCTAssertEqual(benchmarkRun(in: ["app", "--rapsam-benchmark", "r1"]), "r1")
        XCTAssertNil(benchmarkRun(in: ["app", "--rapsam-benchmark"]))
        XCTAssertNil(benchmarkRun(in: ["app"]))
    }

    func testTheScreensOwnRunEndsInATextOfMedians() throws {
        let bundle = try TinyBundle().written().opened()
        let text = findingsText(try Benchmark(quickJob("Fake"), on: Quiet()) { _ in }.run(bundle, with: FakeFactory()))
        for words in ["end_to_end panoptic", "click prompt", "peak memory 100 MiB", "heat nominal", "battery 50 %"] {
            XCTAssertTrue(text.contains(words), text)
        }
    }
}
