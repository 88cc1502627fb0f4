import Foundation
import XCTest

@testable import SegCore

private let photo = Picture(
    argb: [UInt32](repeating: 0x808080, count: 40 * 60), size: PixelSize(height: 40, width: 60))

private struct Unknown: Phone {
    let memoryMetric = "none"

    func facts() -> PhoneFacts { PhoneFacts(cores: nil, ramMb: nil, lowPower: nil, battery: nil) }

    func battery() -> Battery? { nil }

    func thermalState() -> String? { nil }

    func memoryMb() -> Int? { nil }
}

/// A folder for what is made of models, and what makes it.
private final class Scratch {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("compiled-\(UUID().uuidString)")
    private(set) var made = 0

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func compile() throws -> URL {
        made += 1
        let place = folder.appendingPathComponent("made-\(made)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        return place
    }
}

/// A disk that refuses to remove a folder.
private final class KeepsFolders: FileManager, @unchecked Sendable {
    override func removeItem(at place: URL) throws { throw CocoaError(.fileWriteNoPermission) }
}

/// What all screens share: the graphs, once.
final class DeskTests: XCTestCase {
    private func desk(_ factory: FakeFactory, _ edit: @escaping (inout Json) -> Void = { _ in }) throws -> Desk {
        let bundle = TinyBundle()
        bundle.edit = edit
        let folder = try bundle.written().folder
        return Desk(engines: [factory]) { folder }
    }

    func testSelfTestAndBenchmarkHoldNoSecondCopyOfTheGraphs() throws {
        let factory = FakeFactory()
        let desk = try desk(factory)
        let session = try desk.session()
        session.take(photo)
        _ = try session.prepare()
        try session.ask(.point(x: 3, y: 4))
        _ = try desk.camera().look(at: photo)
        XCTAssertEqual(factory.loaded, 2)
        for report in [Report.selfTest, .benchmark] {
            let text = try desk.text(of: report, quickJob("Fake, other"), phone: Unknown()) { _ in }
            XCTAssertTrue(text.contains(report == .selfTest ? "outputs are right" : "Medians"), text)
            XCTAssertEqual(factory.mostLoaded, 2)
            XCTAssertEqual(factory.loaded, 0)
        }
        XCTAssertEqual(session.shown()?.entries.map(\.name), ["Tap 1"])
        try session.ask(.point(x: 5, y: 4))
        XCTAssertEqual(factory.loaded, 2)
        XCTAssertEqual(session.shown()?.entries.map(\.name), ["Tap 1", "Tap 2"])
    }

    func testWhatComputesIsAskedByTheBenchmarkAlone() throws {
        let factory = FakeFactory()
        let desk = try desk(factory)
        XCTAssertEqual(try desk.description(), "tiny, fake-fp32; Fake 1")
        try desk.session().take(photo)
        _ = try desk.session().prepare()
        XCTAssertEqual(factory.reports, 0)
        _ = try desk.text(of: .benchmark, quickJob("Fake"), phone: Unknown()) { _ in }
        XCTAssertEqual(factory.reports, 2)
    }

    func testAShortMemoryLetsPhotoGoAndKeepsTracks() throws {
        let desk = try desk(FakeFactory()) { $0["pipelines"] = [tinyPipeline("video")] }
        let before = try desk.camera()
        _ = try before.look(at: photo)
        XCTAssertNil(desk.forget())
        XCTAssertTrue(try desk.camera() === before)
        try desk.session().take(photo, as: 3)
        XCTAssertEqual(desk.forget(), 3)
        XCTAssertNil(try desk.session().number)
        XCTAssertNil(desk.forget())
    }

    func testAPhotoThatIsLetGoWhileItIsMadeReadyIsToldWhicheverIsHeardOfFirst() throws {
        for isLossHeardFirst in [true, false] {
            let desk = try desk(FakeFactory())
            let session = try desk.session()
            var turns = PhotoTurns<String>()
            session.take(photo, as: turns.choose())
            let second = turns.choose()
            XCTAssertEqual(turns.offer("prepare", on: second), "prepare")
            session.take(photo, as: second)
            _ = try session.prepare()
            // The warning waited for that, and its turn comes before what was found is shown.
            let lost = try XCTUnwrap(desk.forget())
            XCTAssertNil(session.shown())
            if isLossHeardFirst {
                XCTAssertTrue(turns.lose(lost))
                XCTAssertFalse(turns.counts(second), "it says that it is ready")
            } else {
                XCTAssertTrue(turns.counts(second))
                XCTAssertTrue(turns.lose(lost))
            }
            XCTAssertNil(turns.offer("tap", on: second))
            XCTAssertNil(turns.next())
            let third = turns.choose()
            XCTAssertEqual(turns.offer("prepare", on: third), "prepare")
        }
    }

    func testABundleWithoutObjectsHasNothingForTheCamera() throws {
        let prompts = try desk(FakeFactory()) { $0["pipelines"] = [tinyPipeline("prompt")] }
        let problem = try XCTUnwrap(prompts.bundle().manifest.cameraProblem)
        XCTAssertTrue(problem.message.contains("finds no objects by itself"), problem.message)
        for task in ["panoptic", "video"] {
            let other = try desk(FakeFactory()) { $0["pipelines"] = [tinyPipeline(task)] }
            XCTAssertNil(try other.bundle().manifest.cameraProblem)
        }
    }

    func testARuntimeThatIsOlderThanTheBundleNeedsIsRefusedWithBothNamed() throws {
        for needed in ["fake 2", "fake 1.0.1", "fake1.2 (build 7)"] {
            assertProblem("needs \(needed)", "has Fake 1", "install") {
                try desk(FakeFactory()) { $0["minimum_runtime"] = .text(needed) }.description()
            }
        }
        for needed in ["fake 1", "fake 0.9.9", "iOS1", "fake 1.0.0", "fake", "", "fake 99999999999999999999"] {
            _ = try desk(FakeFactory()) { $0["minimum_runtime"] = .text(needed) }.description()
        }
        XCTAssertEqual(versionNumbers("Version 17.4 (Build 21E213)"), [17, 4])
        XCTAssertEqual(versionNumbers("onnxruntime 1.17.0"), [1, 17, 0])
    }

    func testWhatWasMadeOfAModelIsKeptFromStartToStartAndOldOnesGo() throws {
        let files = FileManager.default
        let folder = files.temporaryDirectory.appendingPathComponent("compiled-\(UUID().uuidString)")
        defer { try? files.removeItem(at: folder) }
        var made = 0
        let compile = {
            made += 1
            let place = files.temporaryDirectory.appendingPathComponent("made-\(UUID().uuidString)")
            try files.createDirectory(at: place, withIntermediateDirectories: true)
            return place
        }
        let models = CompiledModels(in: folder.appendingPathComponent("new"), name: "model.mlmodelc")
        let first = try models.find("a", compile: compile)
        XCTAssertTrue(first.isNew)
        let again = try CompiledModels(in: folder.appendingPathComponent("new"), name: "model.mlmodelc")
            .find("a", compile: compile)
        XCTAssertFalse(again.isNew)
        XCTAssertEqual(again.compileMs, try XCTUnwrap(first.compileMs))
        XCTAssertEqual(again.place, first.place)
        XCTAssertEqual(first.place.lastPathComponent, "model.mlmodelc")
        let other = try models.find("b", compile: compile)
        models.keep(only: ["b", "c"])
        XCTAssertFalse(files.fileExists(atPath: first.place.path))
        XCTAssertTrue(files.fileExists(atPath: other.place.path))
        XCTAssertEqual(made, 2)
        // Nothing but these is left, also of what was given up half-way.
        let half = folder.appendingPathComponent("new/half.part")
        try files.createDirectory(at: half, withIntermediateDirectories: true)
        models.keep(only: ["b"])
        XCTAssertEqual(try files.contentsOfDirectory(atPath: folder.appendingPathComponent("new").path).count, 1)
        let full = CompiledModels(in: URL(fileURLWithPath: "/dev/null/x"), name: "x")
        assertProblem("free some space") { try full.find("a", compile: compile) }
    }

    func testAModelThatHasBecomeUnreadableIsMadeAnewOnce() throws {
        let scratch = try Scratch()
        let models = CompiledModels(in: scratch.folder, name: "model")
        XCTAssertTrue(try models.load("a", compile: scratch.compile) { $0.isNew })
        var found: [Bool] = []
        let place = try models.load("a", compile: scratch.compile) { model in
            found.append(model.isNew)
            if !model.isNew { throw CocoaError(.fileReadCorruptFile) }
            return model.place
        }
        XCTAssertEqual(found, [false, true])
        XCTAssertTrue(FileManager.default.fileExists(atPath: place.path))
        // One that is new is not made again; nor one that was read, but does not fit.
        for (origin, error) in [
            ("new", CocoaError(.fileReadCorruptFile) as any Error), ("a", Problem("it does not fit")),
        ] {
            let before = scratch.made
            var tries = 0
            XCTAssertThrowsError(
                try models.load(origin, compile: scratch.compile) { _ in
                    tries += 1
                    throw error
                })
            XCTAssertEqual(tries, 1)
            XCTAssertEqual(scratch.made, before + (origin == "new" ? 1 : 0))
        }
    }

    func testAnUnreadableModelWhoseFolderCannotBeRemovedIsAProblemAfterOneTry() throws {
        let scratch = try Scratch()
        let models = CompiledModels(in: scratch.folder, name: "model", files: KeepsFolders())
        _ = try models.load("a", compile: scratch.compile) { $0.place }
        var tries = 0
        assertProblem("cannot be read, nor removed", "install it again") {
            try models.load("a", compile: scratch.compile) { _ in
                tries += 1
                throw CocoaError(.fileReadCorruptFile)
            }
        }
        XCTAssertEqual(tries, 1)
        XCTAssertEqual(scratch.made, 2)
    }

    func testADigestOfAFolderTellsOfItsFilesAndTheirNames() throws {
        let (one, other) = (try TinyBundle().written().opened(), try TinyBundle().written().opened())
        let paths = ["golden", "prompt.fake", "objects.fake"]
        XCTAssertEqual(Set(paths.map(one.digest)).count, 3)
        XCTAssertEqual(paths.map(one.digest), paths.map(other.digest))
    }
}
