import XCTest

@testable import SegCore

private let geometry = Letterbox(
    original: PixelSize(height: 8, width: 8), size: PixelSize(height: 8, width: 8)
).geometry

/// Which of several candidate masks a prompt means.
final class CandidateTests: XCTestCase {
    func testStabilityIsMeasuredOnlyOfThoseAmongWhichIsChosen() throws {
        // Two prompts of three candidates: all logits of a mask alike, but for one row.
        let logits = Tensor(
            data: (0..<6).flatMap { map in (0..<16).map { $0 < 4 ? Float(map) / 4 : 3 } }, shape: [6, 4, 4])
        let all = try stabilityScores(logits, geometry)
        XCTAssertFalse(all.contains(0))
        XCTAssertGreaterThan(Set(all).count, 1)
        let wanted: [(single: Int?, ambiguous: [Bool], asked: [Int])] = [
            (0, [true, false], [1, 2]), (0, [false, true], [4, 5]), (2, [true, true], [0, 1, 3, 4]),
            (1, [false, false], []), (nil, [true, false], [0, 1, 2, 3, 4, 5]),
        ]
        for (single, ambiguous, asked) in wanted {
            let found = try stabilityToChoose(logits, geometry, ambiguous: ambiguous, single: single)
            XCTAssertEqual(found, all.enumerated().map { asked.contains($0.offset) ? $0.element : 0 })
            XCTAssertEqual(
                chosenCandidates(found, ambiguous: ambiguous, single: single),
                chosenCandidates(all, ambiguous: ambiguous, single: single))
        }
    }
}
