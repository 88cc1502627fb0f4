import XCTest

@testable import SegCore

private let photo = Picture(
    argb: [UInt32](repeating: 0x808080, count: 40 * 60), size: PixelSize(height: 40, width: 60))

/// Regions that are asked for by several points, and whose turn it is.
final class SessionTests: XCTestCase {
    private func session(_ factory: FakeFactory = FakeFactory(), maxPoints: Int = 3) throws -> PhotoSession {
        let bundle = TinyBundle()
        bundle.maxPoints = maxPoints
        bundle.edit = { $0["pipelines"] = [tinyPipeline("prompt")] }
        let loaded = try LoadedBundle(bundle.written().opened(), factory: factory, runtime: "Fake", threads: nil)
        let session = PhotoSession(labels: []) { Segmenter(loaded) }
        session.take(photo)
        return session
    }

    private func entries(_ session: PhotoSession) -> [String] { session.shown()?.entries.map(\.name) ?? [] }

    func testABundleOfPromptsAloneIsReadyBeforeTheFirstTapWhichCostsItsOwnGraphAlone() throws {
        let factory = FakeFactory()
        let session = try session(factory)
        var steps: [String] = []
        let done = try session.prepare { steps.append($0) }
        XCTAssertEqual(done, "Ready: tap what you want, or hold a finger on the photo and drag a box")
        XCTAssertEqual(steps, ["Loading the network", "Getting ready for taps"])
        XCTAssertEqual(factory.runs, 1)
        try session.ask(.point(x: 3, y: 4))
        XCTAssertEqual(factory.runs, 2)
    }

    func testPointsAreAddedToTheLastRegionWithItsAnswerBefore() throws {
        let factory = FakeFactory()
        let session = try session(factory)
        try session.ask(.point(x: 30, y: 20), .add)
        XCTAssertEqual(factory.given["point_labels"]?.data, [1, -1, -2, -2, -2])
        XCTAssertEqual(factory.given["has_mask_prompt"]?.data, [0])
        try session.ask(.point(x: 15, y: 30), .takeAway)
        // The network's image is 32 wide, so 60 pixels are 32.
        XCTAssertEqual(factory.given["points"]?.data.prefix(4).map { ($0 * 60 / 32).rounded() }, [30, 20, 15, 30])
        XCTAssertEqual(factory.given["point_labels"]?.data, [1, 0, -1, -2, -2])
        XCTAssertEqual(factory.given["has_mask_prompt"]?.data, [1])
        XCTAssertEqual(factory.given["mask_prompt"]?.data, session.regions[0].logits.data)
        XCTAssertEqual(entries(session), ["Tap 1, 2 points"])
    }

    func testATapOrABoxBeginsARegionAndLaterPointsBelongToTheLastOne() throws {
        let factory = FakeFactory()
        let session = try session(factory)
        try session.ask(.point(x: 30, y: 20))
        try session.ask(.point(x: 10, y: 20))
        try session.ask(.box(PromptBox(x1: 1, y1: 2, x2: 30, y2: 20)), .takeAway)
        XCTAssertEqual(entries(session), ["Tap 1", "Tap 2", "Box 3"])
        try session.ask(.point(x: 5, y: 5), .takeAway)
        XCTAssertEqual(factory.given["point_labels"]?.data, [0, 2, 3, -2, -2])
        XCTAssertEqual(session.regions.count, 3)
    }

    func testThereIsNothingToTakeFromWithoutARegion() throws {
        let session = try session()
        assertProblem("no region yet", "tap what you want first") { try session.ask(.point(x: 1, y: 1), .takeAway) }
        XCTAssertEqual(session.regions.count, 0)
    }

    func testAPointMoreThanTheBundleTakesIsRefusedAndTheRegionStays() throws {
        let session = try session(maxPoints: 2)
        try session.ask(.point(x: 30, y: 20))
        try session.ask(.point(x: 31, y: 20), .add)
        assertProblem("has 3 points", "up to 2 points and one box per region", "undo one") {
            try session.ask(.point(x: 32, y: 20), .add)
        }
        assertProblem("outside") { try session.ask(.point(x: 99, y: 20)) }
        XCTAssertEqual(entries(session), ["Tap 1, 2 points"])
    }

    func testUndoTakesTheLastPointBackThenTheRegion() throws {
        let factory = FakeFactory()
        let session = try session(factory)
        for (x, meaning) in [(30.0, TapMeaning.newRegion), (10, .newRegion), (20, .add)] {
            try session.ask(.point(x: x, y: 20), meaning)
        }
        let (runs, mask) = (factory.runs, session.regions[1].mask)
        XCTAssertTrue(session.hasRegions)
        try session.undo()
        XCTAssertEqual(session.regions[1].mask, mask)
        XCTAssertEqual(entries(session), ["Tap 1", "Tap 2"])
        try session.undo()
        XCTAssertEqual(entries(session), ["Tap 1"])
        // It is the last one again.
        try session.ask(.point(x: 20, y: 20), .add)
        XCTAssertEqual(entries(session), ["Tap 1, 2 points"])
        for _ in 0..<3 { try session.undo() }
        XCTAssertEqual(entries(session), [])
        XCTAssertFalse(session.hasRegions)
        XCTAssertEqual(factory.runs, runs + 1)
    }

    func testAnUndoWhoseRegionCannotBeDrawnLeavesAllAsItWas() throws {
        let size = PixelSize(height: 2, width: 2)
        let geometry = Geometry(padded: size, content: size, original: size)
        let answers = [[Float.nan], [5]].map { logits in
            Answer(
                prompt: .point(x: 1, y: 1),
                region: Region(
                    mask: [true, true, true, false], predictedIou: 0.5, logits: Tensor(data: logits, shape: [1, 1]),
                    geometry: geometry))
        }
        var asked = Answers()
        asked.begin(answers[0])
        asked.change(to: answers[1])
        for _ in 0..<2 {
            assertProblem("NaN") { try asked.undo() }
            XCTAssertEqual(asked.current.map(\.region.mask), [answers[1].region.mask])
        }
    }

    func testOnlyBundlesOfSeveralPointsOfferMoreThanNewRegions() throws {
        for (points, meanings) in [(1, [TapMeaning.newRegion]), (2, TapMeaning.allCases)] {
            let bundle = TinyBundle()
            bundle.maxPoints = points
            XCTAssertEqual(try bundle.written().opened().manifest.prompting?.meanings, meanings)
        }
        let bundle = TinyBundle()
        bundle.maxPoints = 2
        bundle.edit = { $0["prompts"]?["negative_points"] = false }
        XCTAssertEqual(try bundle.written().opened().manifest.prompting?.meanings, [.newRegion, .add])
        bundle.edit = { $0["pipelines"] = [tinyPipeline("panoptic")] }
        XCTAssertNil(try bundle.written().opened().manifest.prompting)
    }

    func testAPromptOfAKindThatTheBundleDoesNotTakeIsRefused() throws {
        for (field, words) in [("negative_points", "no points beside it"), ("points_with_box", "a box beside a point")]
        {
            let bundle = TinyBundle()
            bundle.maxPoints = 3
            bundle.edit = { $0["prompts"]?[field] = false }
            let loaded = try LoadedBundle(
                bundle.written().opened(), factory: FakeFactory(), runtime: "Fake", threads: nil)
            let session = PhotoSession(labels: []) { Segmenter(loaded) }
            session.take(photo)
            try session.ask(.box(PromptBox(x1: 1, y1: 2, x2: 30, y2: 20)))
            assertProblem(words, "tap a new region") {
                if field == "negative_points" { try session.ask(.point(x: 1, y: 1)) }
                try session.ask(.point(x: 5, y: 5), .takeAway)
            }
        }
    }

    func testOfWhatIsAskedMeanwhileTheLastWaits() {
        var turns = PhotoTurns<String>()
        let photo = turns.choose()
        XCTAssertEqual(turns.offer("photo", on: photo), "photo")
        for tap in ["1", "2", "3"] { XCTAssertNil(turns.offer(tap, on: photo)) }
        XCTAssertTrue(turns.isBusy)
        XCTAssertEqual(turns.next(), "3")
        XCTAssertTrue(turns.isBusy)
        XCTAssertNil(turns.next())
        XCTAssertFalse(turns.isBusy)
        XCTAssertEqual(turns.offer("4", on: photo), "4")
    }

    func testWhatIsAskedOfAPhotoThatWasReplacedIsDropped() {
        var turns = PhotoTurns<String>()
        let first = turns.choose()
        XCTAssertEqual(turns.offer("tap", on: first), "tap")
        XCTAssertNil(turns.offer("late tap", on: first))
        let second = turns.choose()
        XCTAssertFalse(turns.counts(first))
        // A tap on the picture that is still on the screen.
        XCTAssertNil(turns.offer("later tap", on: first))
        XCTAssertNil(turns.offer("photo", on: second))
        XCTAssertEqual(turns.next(), "photo")
    }

    func testAPhotoThatComesLateIsDroppedAndOneThatDoesNotComeLeavesTheOneBefore() {
        var turns = PhotoTurns<String>()
        let (slow, quick) = (turns.choose(), turns.choose())
        XCTAssertEqual(turns.offer("quick", on: quick), "quick")
        XCTAssertNil(turns.next())
        XCTAssertNil(turns.offer("slow", on: slow))
        XCTAssertFalse(turns.isBusy)
        let lost = turns.choose()
        XCTAssertTrue(turns.settle(on: quick))
        XCTAssertEqual(turns.offer("tap", on: quick), "tap")
        XCTAssertFalse(turns.counts(lost))
        XCTAssertGreaterThan(turns.choose(), lost)
    }

    func testAPhotoOnItsWayIsWantedWhateverBecomesOfTheOneBefore() {
        var turns = PhotoTurns<String>()
        let (first, second) = (turns.choose(), turns.choose())
        XCTAssertFalse(turns.lose(first))
        XCTAssertTrue(turns.counts(second))
        // It does not come, and there is nothing to go back to.
        XCTAssertFalse(turns.settle(on: first))
        XCTAssertNil(turns.offer("tap", on: first))
        XCTAssertTrue(turns.settle(on: second))
        XCTAssertTrue(turns.lose(second))
        XCTAssertFalse(turns.settle(on: second))
    }

    func testEveryPhotoBeginsWithNewRegions() {
        var turns = PhotoTurns<String>()
        XCTAssertEqual(turns.meaning, .newRegion)
        for meaning in TapMeaning.allCases {
            turns.meaning = meaning
            _ = turns.choose()
            XCTAssertEqual(turns.meaning, .newRegion)
        }
    }

    func testAShareIsToldWhereNoIouWasLearnt() throws {
        for choice in ["iou", "stability"] {
            let bundle = TinyBundle()
            bundle.edit = { $0["prompts"]?["choice"] = .text(choice) }
            let loaded = try LoadedBundle(
                bundle.written().opened(), factory: FakeFactory(), runtime: "Fake", threads: nil)
            let session = PhotoSession(labels: []) { Segmenter(loaded) }
            session.take(photo)
            try session.ask(.point(x: 1, y: 1))
            let figure = choice == "iou" ? "predicted IoU 0.50" : "area 50 %"
            XCTAssertEqual(session.shown()?.entries.map(\.figure), [figure])
            // Also while another has the network's memory.
            session.releaseNetwork()
            XCTAssertEqual(session.shown()?.entries.map(\.figure), [figure])
        }
    }
}
