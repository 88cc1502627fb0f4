import XCTest

@testable import SegCore

/// Cameras that do as they are told, and what must hold of them.
private struct Camera {
    private(set) var isComing = false
    /// Of the one that was asked for last.
    private(set) var number = 0
    private var isThere = false
    private var isRunning = false
    private var isShown = false
    private var isActive = true

    mutating func happened(_ event: CameraLife.Event) {
        switch event {
        case .appeared: isShown = true
        case .disappeared: isShown = false
        case .activated: isActive = true
        case .deactivated: isActive = false
        case .camera(number, .opened): (isComing, isThere) = (false, true)
        case .camera(number, .failed): isComing = false
        case .camera: break
        }
    }

    mutating func done(_ step: CameraLife.Step) {
        switch step {
        case .nothing: break
        case .open(let asked):
            XCTAssertFalse(isComing || isThere, "two cameras at a time")
            XCTAssertGreaterThan(asked, number, "two cameras of one number")
            (isComing, number) = (true, asked)
        case .start:
            XCTAssertTrue(isThere, "no camera to start")
            isRunning = true
        case .stop: isRunning = false
        case .close: (isThere, isRunning) = (false, false)
        }
        XCTAssertFalse(isRunning && !(isShown && isActive), "it runs though nobody sees it")
        XCTAssertFalse(isThere && !isShown, "it is kept though nobody sees it")
        XCTAssertFalse(isThere && isShown && isActive && !isRunning, "it stands still though somebody waits")
    }
}

/// A camera whose phone is locked, whose app goes behind, and that others take.
final class CameraTests: XCTestCase {
    private func steps(_ life: inout CameraLife, _ events: [CameraLife.Event]) -> [CameraLife.Step] {
        events.map { life.handle($0) }
    }

    private func running() -> CameraLife {
        var life = CameraLife()
        XCTAssertEqual(steps(&life, [.appeared, .camera(1, .opened)]), [.open(1), .start])
        return life
    }

    func testItComesBackAfterTheAppWasBehindOrThePhoneLocked() {
        var life = running()
        // The system takes the camera from an app that goes behind; in whatever order it tells.
        XCTAssertEqual(steps(&life, [.camera(1, .interrupted), .deactivated]), [.nothing, .stop])
        XCTAssertEqual(steps(&life, [.activated, .camera(1, .interruptionEnded)]), [.start, .start])
        XCTAssertEqual(life.notice, "")
        XCTAssertEqual(
            steps(&life, [.deactivated, .camera(1, .interruptionEnded), .activated]), [.stop, .stop, .start])
    }

    func testItComesBackWhenAnotherAppGivesItBack() {
        var life = running()
        XCTAssertEqual(life.handle(.camera(1, .interrupted)), .nothing)
        XCTAssertTrue(life.notice.contains("in use elsewhere"))
        XCTAssertEqual(life.handle(.camera(1, .interruptionEnded)), .start)
        XCTAssertEqual(life.notice, "")
    }

    func testItStartsAnewWhenTheSystemsMediaServicesDid() {
        var life = running()
        XCTAssertEqual(life.handle(.camera(1, .mediaServicesReset)), .start)
        XCTAssertEqual(steps(&life, [.deactivated, .camera(1, .mediaServicesReset)]), [.stop, .stop])
    }

    func testWhatCannotGoOnIsToldClosedAndOpenedAnewWhenSomebodyComesBack() {
        var life = running()
        XCTAssertEqual(life.handle(.camera(1, .failed("it broke"))), .close)
        XCTAssertEqual(life.notice, "it broke")
        XCTAssertEqual(steps(&life, [.deactivated, .activated]), [.nothing, .open(2)])
        XCTAssertEqual(life.notice, "")
        // Refused, then allowed in the settings.
        XCTAssertEqual(life.handle(.camera(2, .failed("refused"))), .nothing)
        XCTAssertEqual(steps(&life, [.deactivated, .activated, .camera(3, .opened)]), [.nothing, .open(3), .start])
    }

    func testWhoeverLeavesGivesItBackAlsoWhereItWasStillComing() {
        var life = running()
        XCTAssertEqual(
            steps(&life, [.disappeared, .activated, .camera(1, .interruptionEnded)]), [.close, .nothing, .nothing])
        XCTAssertEqual(steps(&life, [.appeared, .disappeared, .camera(2, .opened)]), [.open(2), .nothing, .close])
        XCTAssertEqual(
            steps(&life, [.appeared, .disappeared, .appeared, .camera(3, .opened)]),
            [.open(3), .nothing, .nothing, .start])
        var failing = CameraLife()
        XCTAssertEqual(
            steps(&failing, [.appeared, .disappeared, .camera(1, .failed("x"))]), [.open(1), .nothing, .nothing])
        XCTAssertEqual(failing.notice, "")
        XCTAssertEqual(failing.handle(.appeared), .open(2))
    }

    func testWhateverHappensInWhateverOrderTheCameraFollows() {
        var tried = 0
        func go(_ life: CameraLife, _ camera: Camera, _ depth: Int) {
            let number = camera.number
            let events: [CameraLife.Event] = [
                .appeared, .disappeared, .activated, .deactivated, .camera(number, .opened),
                .camera(number, .interrupted), .camera(number, .interruptionEnded),
                .camera(number, .mediaServicesReset), .camera(number, .failed("x")),
                .camera(number - 1, .failed("late")),
            ]
            for event in events {
                // Nothing is ready that was not asked for.
                if case .camera(_, .opened) = event, !camera.isComing { continue }
                var (life, camera) = (life, camera)
                camera.happened(event)
                camera.done(life.handle(event))
                XCTAssertNotEqual(life.notice, "late")
                tried += 1
                if depth > 1 { go(life, camera, depth - 1) }
            }
        }
        go(CameraLife(), Camera(), 6)
        // The first one failed, and what it says comes when the second one is on its way.
        var (life, camera) = (CameraLife(), Camera())
        for event: CameraLife.Event in [
            .appeared, .camera(1, .opened), .camera(1, .failed("x")), .disappeared, .appeared,
        ] {
            camera.happened(event)
            camera.done(life.handle(event))
        }
        XCTAssertTrue(camera.isComing)
        go(life, camera, 5)
        XCTAssertGreaterThan(tried, 100_000)
    }

    func testWhatAFailedCameraSaysLaterDoesNotEndTheNextOne() {
        var life = running()
        XCTAssertEqual(life.handle(.camera(1, .failed("it broke"))), .close)
        XCTAssertFalse(life.counts(1))
        // Of the frames that waited.
        XCTAssertEqual(steps(&life, [.camera(1, .failed("again")), .activated]), [.nothing, .open(2)])
        XCTAssertEqual(steps(&life, [.camera(1, .failed("again")), .camera(1, .opened)]), [.nothing, .nothing])
        XCTAssertEqual(steps(&life, [.camera(2, .opened), .camera(1, .interrupted)]), [.start, .nothing])
        XCTAssertEqual(life.notice, "")
        XCTAssertTrue(life.counts(2))
    }

    func testItDoesNotStartBehindOtherApps() {
        var life = CameraLife()
        XCTAssertEqual(
            steps(&life, [.appeared, .deactivated, .camera(1, .opened), .activated]),
            [.open(1), .nothing, .stop, .start])
    }
}
