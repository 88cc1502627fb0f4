import XCTest

@testable import SegCore

/// A camera that does as it is told, and what must hold of it.
private struct Camera {
    private(set) var isComing = false
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
        case .opened: (isComing, isThere) = (false, true)
        case .failed: isComing = false
        case .interrupted, .interruptionEnded, .mediaServicesReset: break
        }
    }

    mutating func done(_ step: CameraLife.Step) {
        switch step {
        case .nothing: break
        case .open:
            XCTAssertFalse(isComing || isThere, "two cameras at a time")
            isComing = true
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
        XCTAssertEqual(steps(&life, [.appeared, .opened]), [.open, .start])
        return life
    }

    func testItComesBackAfterTheAppWasBehindOrThePhoneLocked() {
        var life = running()
        // The system takes the camera from an app that goes behind; in whatever order it tells.
        XCTAssertEqual(steps(&life, [.interrupted, .deactivated]), [.nothing, .stop])
        XCTAssertEqual(steps(&life, [.activated, .interruptionEnded]), [.start, .start])
        XCTAssertEqual(life.notice, "")
        XCTAssertEqual(steps(&life, [.deactivated, .interruptionEnded, .activated]), [.stop, .stop, .start])
    }

    func testItComesBackWhenAnotherAppGivesItBack() {
        var life = running()
        XCTAssertEqual(life.handle(.interrupted), .nothing)
        XCTAssertTrue(life.notice.contains("in use elsewhere"))
        XCTAssertEqual(life.handle(.interruptionEnded), .start)
        XCTAssertEqual(life.notice, "")
    }

    func testItStartsAnewWhenTheSystemsMediaServicesDid() {
        var life = running()
        XCTAssertEqual(life.handle(.mediaServicesReset), .start)
        XCTAssertEqual(steps(&life, [.deactivated, .mediaServicesReset]), [.stop, .stop])
    }

    func testWhatCannotGoOnIsToldClosedAndOpenedAnewWhenSomebodyComesBack() {
        var life = running()
        XCTAssertEqual(life.handle(.failed("it broke")), .close)
        XCTAssertEqual(life.notice, "it broke")
        XCTAssertEqual(steps(&life, [.deactivated, .activated]), [.nothing, .open])
        XCTAssertEqual(life.notice, "")
        // Refused, then allowed in the settings.
        XCTAssertEqual(life.handle(.failed("refused")), .nothing)
        XCTAssertEqual(steps(&life, [.deactivated, .activated, .opened]), [.nothing, .open, .start])
    }

    func testWhoeverLeavesGivesItBackAlsoWhereItWasStillComing() {
        var life = running()
        XCTAssertEqual(steps(&life, [.disappeared, .activated, .interruptionEnded]), [.close, .nothing, .nothing])
        XCTAssertEqual(steps(&life, [.appeared, .disappeared, .opened]), [.open, .nothing, .close])
        XCTAssertEqual(
            steps(&life, [.appeared, .disappeared, .appeared, .opened]), [.open, .nothing, .nothing, .start])
        var failing = CameraLife()
        XCTAssertEqual(steps(&failing, [.appeared, .disappeared, .failed("x")]), [.open, .nothing, .nothing])
        XCTAssertEqual(failing.notice, "")
        XCTAssertEqual(failing.handle(.appeared), .open)
    }

    func testWhateverHappensInWhateverOrderTheCameraFollows() {
        let events: [CameraLife.Event] = [
            .appeared, .disappeared, .activated, .deactivated, .opened, .interrupted, .interruptionEnded,
            .mediaServicesReset, .failed("x"),
        ]
        var tried = 0
        func go(_ life: CameraLife, _ camera: Camera, _ depth: Int) {
            for event in events {
                // Nothing is ready that was not asked for.
                if case .opened = event, !camera.isComing { continue }
                var (life, camera) = (life, camera)
                camera.happened(event)
                camera.done(life.handle(event))
                tried += 1
                if depth > 1 { go(life, camera, depth - 1) }
            }
        }
        go(CameraLife(), Camera(), 6)
        XCTAssertGreaterThan(tried, 100_000)
    }

    func testItDoesNotStartBehindOtherApps() {
        var life = CameraLife()
        XCTAssertEqual(steps(&life, [.appeared, .deactivated, .opened, .activated]), [.open, .nothing, .stop, .start])
    }
}
