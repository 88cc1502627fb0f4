import XCTest

@testable import SegCore

/// What is read is read strictly, and what is written can be read.
final class JsonTests: XCTestCase {
    func testTextsComeBackAsTheyWere() throws {
        let text = "\"\\\u{2028}\u{1F600}\né"
        let written = jsonText(["a": [1.5, nil, true, .text(text), -3], "b": [:]])
        let read = try parseJson(written, name: "x")
        XCTAssertEqual(try read.field("a").items()[3].text(), text)
        XCTAssertEqual(try read.field("a").items()[4].int(in: -9...9), -3)
        XCTAssertTrue(written.contains("1.5") && written.contains(",-3]"))
        XCTAssertTrue(written.utf8.allSatisfy { $0 < 0x80 })
    }

    func testWhatIsNoJsonIsRefused() {
        let wrong = [
            "{", "[1,]", "{\"a\":1,\"a\":2}", "01", "nul", "\"\t\"", "1 2", String(repeating: "[", count: 99), "1e999",
            "\"\\ux\"", "\"\\u12", "", "-", "1.", "\"a", "{\"a\"}", "\"\\u+123\"",
        ]
        for text in wrong { assertProblem("x is damaged") { try parseJson(text, name: "x") } }
    }

    func testAnotherKindOfValueIsToldWithItsPlace() throws {
        let read = try parseJson("{\"a\": [1, 2.5]}", name: "x")
        assertProblem("x, a", "expected a text") { try read.field("a").text() }
        assertProblem("x, a[1] is 2.5", "a whole number of 0 to") { try read.field("a").items()[1].int() }
        assertProblem("x, a[0]", "an object") { try read.field("a").items()[0].field("b") }
    }
}
