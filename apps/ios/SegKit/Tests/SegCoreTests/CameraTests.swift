import XCTest

@testable import SegCore

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

    func testItDoesNotStartBehindOtherApps() {
        var life = CameraLife()
        XCTAssertEqual(steps(&life, [.appeared, .deactivated, .opened, .activated]), [.open, .nothing, .stop, .start])
    }
}
