import XCTest

@testable import SegCore

private let photo = Picture(
    argb: [UInt32](repeating: 0x808080, count: 40 * 60), size: PixelSize(height: 40, width: 60))

/// From a photo to what is shown, with a runtime that works and with ones that do not.
final class RunTests: XCTestCase {
    private func loaded(_ factory: FakeFactory, _ bundle: TinyBundle = TinyBundle()) throws -> LoadedBundle {
        try LoadedBundle(bundle.written().opened(), factory: factory, runtime: "Fake", threads: nil)
    }

    private func session(_ factory: FakeFactory, _ bundle: TinyBundle = TinyBundle()) throws -> PhotoSession {
        let loaded = try loaded(factory, bundle)
        return PhotoSession(labels: loaded.bundle.manifest.labels) { Segmenter(loaded) }
    }

    private func bundle(_ edit: @escaping (inout Json) -> Void) -> TinyBundle {
        let bundle = TinyBundle()
        bundle.edit = edit
        return bundle
    }

    func testObjectsAreFoundPaintedAndListed() throws {
        let session = try session(FakeFactory())
        XCTAssertNil(session.shown())
        session.take(photo)
        XCTAssertEqual(
            try session.prepare(), "2 objects found; tap what you want, or hold a finger on the photo and drag a box")
        let shown = try XCTUnwrap(session.shown())
        XCTAssertEqual(shown.entries.map(\.name), ["cup", "wall"])
        XCTAssertNotEqual(shown.picture.argb, photo.argb)
    }

    func testAPromptIsAnsweredAndWhatDependsOnThePhotoAloneRunsOnce() throws {
        let factory = FakeFactory()
        let session = try session(factory)
        session.take(photo)
        _ = try session.prepare()
        XCTAssertEqual(factory.runs, 1)
        try session.ask(.point(x: 3, y: 4))
        try session.ask(.box(PromptBox(x1: 1, y1: 2, x2: 30, y2: 20)))
        XCTAssertEqual(factory.runs, 3)
        XCTAssertEqual(session.shown()?.entries.map(\.name), ["Tap 1", "Box 2"])
        session.clear()
        XCTAssertEqual(session.shown()?.entries.map(\.name), ["cup", "wall"])
    }

    func testWhenMemoryIsShortThePhotoIsLetGoAndTheNextOneWorks() throws {
        let session = try session(FakeFactory())
        session.take(photo, as: 7)
        XCTAssertEqual(session.number, 7)
        session.forget()
        XCTAssertNil(session.number)
        XCTAssertNil(session.shown())
        assertProblem("no photo yet") { try session.prepare() }
        session.take(photo)
        XCTAssertTrue(try session.prepare().hasPrefix("2 objects found"))
    }

    func testObjectsAreFollowedWhereTheBundleCan() throws {
        let following = bundle { $0["pipelines"] = [tinyPipeline("panoptic"), tinyPipeline("video")] }
        let loaded = try loaded(FakeFactory(), following)
        let segmenter = Segmenter(loaded)
        let painter = ObjectPainter(labels: loaded.bundle.manifest.labels)
        for _ in 0..<2 {
            let seen = try segmenter.look(at: photo)
            guard case .tracks(let tracks, _) = seen else { return XCTFail("no tracks") }
            XCTAssertEqual(tracks.map(\.trackId), [1])
            let shown = painter.painted(seen, on: photo)
            XCTAssertEqual(shown.entries.map(\.name), ["cup #1"])
        }
        guard case .objects(let found) = try Segmenter(self.loaded(FakeFactory())).look(at: photo) else {
            return XCTFail("tracks of a bundle that has none")
        }
        XCTAssertEqual(found.segments.count, 2)
    }

    func testANetworkOfOtherClassesThanAreNamedIsTold() throws {
        for task in ["panoptic", "video"] {
            let other = bundle {
                $0["pipelines"] = [tinyPipeline(task)]
                $0["labels"] = ["labels": [["name": "cup", "is_thing": true]]]
            }
            let segmenter = Segmenter(try loaded(FakeFactory(), other))
            assertProblem("knows 3 classes, the bundle names 1") { try segmenter.look(at: photo) }
        }
    }

    func testAShortMemoryDoesNotRenumberTracks() throws {
        let following = bundle { $0["pipelines"] = [tinyPipeline("video")] }
        let segmenter = Segmenter(try loaded(FakeFactory(), following))
        var numbers: [[Int]] = []
        for step in 0..<4 {
            guard case .tracks(let tracks, _) = try segmenter.look(at: photo) else { return XCTFail("no tracks") }
            numbers.append(tracks.map(\.trackId))
            if step == 0 { segmenter.forget() }
            if step == 1 { segmenter.forget() }
        }
        XCTAssertEqual(numbers, [[1], [1], [1], [1]])
    }

    func testTracksAreListedByNumberWhateverTheirScores() {
        let painter = ObjectPainter(labels: [ClassLabel(name: "cup", isThing: true)])
        let box = PixelBox(x1: 0, y1: 0, x2: 1, y2: 1)
        let mask = [Bool](repeating: true, count: photo.size.area)
        for scores in [[Float(0.9), 0.8], [0.7, 0.9]] {
            let tracks = scores.enumerated().map { place, score in
                TrackedInstance(
                    instance: Instance(score: score, label: 0, query: place, box: box, mask: mask), trackId: place + 1)
            }
            let seen = Seen.tracks(
                tracks.sorted { $0.instance.score > $1.instance.score }, size: photo.size)
            XCTAssertEqual(painter.painted(seen, on: photo).entries.map(\.name), ["cup #1", "cup #2"])
        }
    }

    func testNanIsToldAndNothingIsShownAsFound() throws {
        let session = try session(FakeFactory(.returnsNan))
        session.take(photo)
        assertProblem("1 NaN or infinite values", "another compute unit") { try session.prepare() }
        assertProblem("NaN") { try session.ask(.point(x: 1, y: 1)) }
        XCTAssertEqual(session.shown()?.entries, [])
    }

    func testARuntimeThatRefusesAGraphFailsOrReturnsSomethingElseIsTold() throws {
        assertProblem("refuses the graph objects") { try loaded(FakeFactory(.refuses)) }
        for (mood, words) in [(Mood.fails, "fails to run"), (.returnsAnotherShape, "expected [1, 3, 4]")] {
            let session = try session(FakeFactory(mood))
            session.take(photo)
            assertProblem(words) { try session.prepare() }
        }
    }

    func testAUnitThatDoesNotRunTheBundleIsTold() throws {
        let opened = try TinyBundle().written().opened()
        assertProblem("Core ML does not run this bundle", "Fake or Fake, other") {
            try LoadedBundle(opened, factory: FakeFactory(), runtime: "Core ML", threads: nil)
        }
    }

    func testABundleWithoutATaskSaysSoWhenItIsAskedFor() throws {
        let session = try session(FakeFactory(), bundle { $0["pipelines"] = [tinyPipeline("panoptic")] })
        session.take(photo)
        assertProblem("takes no prompts") { try session.ask(.point(x: 1, y: 1)) }
        let onlyPrompts = bundle { $0["pipelines"] = [tinyPipeline("prompt")] }
        let segmenter = Segmenter(try loaded(FakeFactory(), onlyPrompts))
        segmenter.take(photo)
        assertProblem("does not find objects") { try segmenter.panoptic() }
        assertProblem("does not find objects") { try segmenter.look(at: photo) }
    }

    func testPromptsOutsideOfThePhotoAndBeforeThereIsOneAreRefused() throws {
        let session = try session(FakeFactory())
        assertProblem("no photo yet") { try session.ask(.point(x: 1, y: 1)) }
        session.take(photo)
        assertProblem("point 60.0,1.0", "outside") { try session.ask(.point(x: 60, y: 1)) }
        assertProblem("nan") { try session.ask(.point(x: .nan, y: 1)) }
        assertProblem("empty") { try session.ask(.box(PromptBox(x1: 5, y1: 5, x2: 5, y2: 9))) }
        assertProblem("leaves the image") { try session.ask(.box(PromptBox(x1: 5, y1: 5, x2: 61, y2: 9))) }
    }

    func testAModelThatTakesNoPointsOrOtherEncodingsSaysSo() throws {
        var (none, other) = (tinyPrompts, tinyPrompts)
        none["max_points"] = 0
        none["point_radius"] = nil
        other["encoding"] = "words"
        for (prompts, words) in [(none, "no points"), (other, "takes prompts as \"words\"")] {
            let session = try session(FakeFactory(), bundle { $0["prompts"] = prompts })
            session.take(photo)
            assertProblem(words) { try session.ask(.point(x: 1, y: 1)) }
        }
    }

    func testTheSelfTestComparesWhatIsStoredAndJudgesByWhatTheToolkitFound() throws {
        let rows = try selfTest(loaded(FakeFactory()))
        XCTAssertEqual(rows.map(\.verdict), [.passed])
        XCTAssertEqual(rows[0].maxAbs, 0)
        XCTAssertTrue(selfTestText(rows).hasPrefix("All 1 outputs are right"))
        XCTAssertTrue(selfTestText([]).hasPrefix("No output was compared"))
    }

    func testASelfTestWhoseFilesDoNotFitIsRefused() throws {
        let opened = try TinyBundle().written()
        let bundle = try LoadedBundle(opened.opened(), factory: FakeFactory(), runtime: "Fake", threads: nil)
        try opened.put("golden/iou.bin", [0, 0, 0, 0])
        assertProblem("iou.bin") { try selfTest(bundle) }
    }
}
