import Foundation
import XCTest

@testable import SegCore

/// Bundles that are whole, and all the ways in which they are not.
final class BundleTests: XCTestCase {
    private func edited(_ edit: @escaping (inout Json) -> Void) throws -> TinyBundle {
        let bundle = TinyBundle()
        bundle.edit = edit
        return try bundle.written()
    }

    func testAWholeBundleIsReadEveryFileOfIt() throws {
        let tiny = try TinyBundle().written()
        var seen: [String] = []
        let bundle = try ModelBundle(at: tiny.folder) { seen.append($0) }
        XCTAssertEqual(seen.count, 7)
        XCTAssertEqual(bundle.manifest.graphs.map(\.contract.graph), ["objects", "prompt"])
        XCTAssertEqual(bundle.manifest.numThings, 2)
        XCTAssertEqual(try bundle.verifiedPlace("golden").lastPathComponent, "golden")
    }

    func testWhatFileManagersLeaveIsPassedOver() throws {
        let bundle = try TinyBundle().written()
        try bundle.put(".DS_Store", [1])
        _ = try bundle.opened()
    }

    func testAGraphWithOneOtherByteIsRefused() throws {
        let bundle = try TinyBundle().written()
        try bundle.put("prompt.fake", Array("promqt".utf8))
        assertProblem("prompt.fake", "not the file that the manifest names") { try bundle.opened() }
    }

    func testAFileThatIsLongerShorterOrGoneIsRefused() throws {
        for content in ["prompt2", "promp"] {
            let bundle = try TinyBundle().written()
            try bundle.put("prompt.fake", Array(content.utf8))
            assertProblem("prompt.fake", "not the file") { try bundle.opened() }
        }
        let bundle = try TinyBundle().written()
        try FileManager.default.removeItem(at: bundle.folder.appendingPathComponent("prompt.fake"))
        assertProblem("prompt.fake", "cannot read") { try bundle.opened() }
    }

    func testAFileThatIsAlteredAfterItWasOpenedIsRefused() throws {
        let bundle = try TinyBundle().written()
        let opened = try bundle.opened()
        try bundle.put("prompt.fake", Array("promqt".utf8))
        assertProblem("prompt.fake", "not the file") { try opened.file("prompt.fake") }
        assertProblem("prompt.fake", "not the file") { try opened.verifiedPlace("prompt.fake") }
    }

    func testAFileThatNobodyNamedIsRefused() throws {
        let bundle = try TinyBundle().written()
        try bundle.put("golden/extra.bin", [1])
        assertProblem("golden/extra.bin", "does not name") { try bundle.opened() }
    }

    func testAManifestThatWasEditedIsRefused() throws {
        let bundle = try TinyBundle().written()
        let place = bundle.folder.appendingPathComponent("manifest.json")
        let text = try String(contentsOf: place, encoding: .utf8)
        try bundle.put("manifest.json", Array(text.replacingOccurrences(of: "tiny", with: "tinY").utf8))
        assertProblem("manifest.json", "not what was sealed") { try bundle.opened() }
    }

    func testAFolderThatIsNoBundleIsRefused() {
        assertProblem("cannot read manifest.json") { try ModelBundle(at: URL(fileURLWithPath: "/nowhere")) }
    }

    func testALinkInABundleIsRefused() throws {
        let bundle = try TinyBundle().written()
        try FileManager.default.createSymbolicLink(
            atPath: bundle.folder.path + "/link", withDestinationPath: "/etc/hostname")
        assertProblem("link") { try bundle.opened() }
    }

    func testANewerAndAnOlderBundleAreRefusedEachWithWhatToDo() {
        assertProblem("schema version 5", "install a newer app") {
            try edited { $0["schema_version"] = 5 }.opened()
        }
        assertProblem("schema version 3", "export the bundle again") {
            try edited { $0["schema_version"] = 3 }.opened()
        }
    }

    func testPathsThatLeadOutOfABundleAreRefused() {
        for path in ["../x", "/x", "a//b", "a\\b", "c:x", ""] {
            assertProblem("names a file", "export the bundle again") {
                try edited { manifest in
                    guard case .list(let files)? = manifest["files"] else { return }
                    manifest["files"] = .list(files + [tinyFile(path, String(repeating: "0", count: 64), 1)])
                }.opened()
            }
        }
    }

    func testAManifestThatAsksForWhatIsNotDoneHereIsRefused() {
        for (field, value) in [("layout", "NHWC"), ("fit", "crop"), ("resize", "nearest")] {
            assertProblem("asks for the \(field)", value, "newer app") {
                try edited { $0["preprocess"]?[field] = .text(value) }.opened()
            }
        }
        assertProblem("asks for the choice \"size\"", "\"iou\" or \"stability\"") {
            try edited { $0["prompts"]?["choice"] = "size" }.opened()
        }
    }

    func testAManifestThatClaimsMoreOfPromptsThanTheirEncodingCarriesIsRefused() {
        let more: [(String, Json)] = [("max_points", 2), ("negative_points", true), ("points_with_box", true)]
        for (field, value) in more {
            assertProblem("encoded as boxes", "and nothing else", "export the bundle again") {
                try edited { $0["prompts"]?[field] = value }.opened()
            }
        }
        assertProblem("encoded as points, with a radius") {
            try edited { $0["prompts"]?["encoding"] = "points" }.opened()
        }
    }

    func testAManifestWhosePartsDoNotFitIsRefused() {
        assertProblem("no classes") { try edited { $0["labels"] = .null }.opened() }
        assertProblem("not there, or twice") {
            try edited { $0["pipelines"] = [["task": "panoptic", "graphs": ["lost"]]] }.opened()
        }
        assertProblem("recipe", "expected a text") { try edited { $0["recipe"] = 1 }.opened() }
        assertProblem("graphs", "expected a list") { try edited { $0["graphs"] = nil }.opened() }
        assertProblem("schema_version is true", "a number") { try edited { $0["schema_version"] = true }.opened() }
    }

    func testAManifestOfImagesThatNoPhoneHoldsIsRefusedBeforeAnythingIsMade() {
        assertProblem("images of 16384x16384 px", "at most 16777216 pixels") {
            try edited { $0["preprocess"]?["size"] = [16384, 16384] }.opened()
        }
        assertProblem("prepares images of 64x32, its graphs take [1, 3, 32, 32]") {
            try edited { $0["preprocess"]?["size"] = [64, 32] }.opened()
        }
    }

    func testABundleForAnotherPlatformIsRefused() throws {
        let bundle = TinyBundle()
        bundle.suffix = ".tflite"
        let opened = try bundle.written().opened()
        assertProblem("another platform", ".tflite", ".fake") {
            try LoadedBundle.factory(for: opened, of: [FakeFactory()])
        }
    }

    func testADamagedPngIsRefused() throws {
        let png = tinyPng()
        XCTAssertEqual(try decodePng(Data(png), name: "scene.png").argb[tinySide + 2], packed(16, 8, 2))
        assertProblem("scene.png", "no PNG") { try decodePng(Data(count: 60), name: "scene.png") }
        assertProblem("scene.png", "damaged") { try decodePng(Data(png.prefix(png.count / 2)), name: "scene.png") }
    }

    func testCompressedBytesThatAreAnythingAreRefusedOrRead() throws {
        // What Python's zlib makes of "abcabcabc", and of other numbers: a block of fixed codes, and one with its own.
        let fixed: [UInt8] = [0x78, 0x9C, 0x4B, 0x4C, 0x4A, 0x4E, 0x04, 0x23, 0x00, 0x11, 0x3D, 0x03, 0x73]
        let own = """
            78da1d8f8b15c0200803674d90cffe1378f05a6d0de488232b24ef2a8d1f673b15286eb534c597aa9ed9ad52eef1d17a
            bf8daf3cd802089abdcbea9a7122f2a63ab70a8e274605fe9d620430d1115d8c5026809b46a48443acf00638ff9cc5ee
            9532a375b52165114617924b11a1b8d1c072e68e70cc2c631e2668746c825938bebcec7e75b1d29ed99b6e12f8b47f28
            6373eb
            """
        var random = Random()
        let letters = Array("aaaaaabbbcdefgh".utf8)
        let text = (0..<300).map { _ in letters[random.next(below: letters.count)] }
        XCTAssertEqual(Inflate.bytes(of: bytes(own), count: 300), text)
        XCTAssertEqual(Inflate.bytes(of: fixed, count: 9), Array("abcabcabc".utf8))
        XCTAssertNil(Inflate.bytes(of: fixed, count: 8))
        XCTAssertNil(Inflate.bytes(of: fixed, count: 10))
        for kind in [UInt8(3), 5] {
            for _ in 0..<3000 {
                let content = (0..<80).map { _ in UInt8(random.next(below: 256)) }
                let block = content[0] & 0xF8 | kind
                XCTAssertNil(Inflate.bytes(of: [0x78, 0x9C, block] + content.dropFirst(), count: 1 << 20))
            }
        }
    }

    func testDigestsAreThoseOfTheStandard() {
        XCTAssertEqual(
            Sha256.hex(of: []), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        XCTAssertEqual(
            Sha256.hex(of: Array("abc".utf8)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        let million = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        var digest = Sha256()
        for start in stride(from: 0, to: million.count, by: 1000) {
            digest.update(Array(million[start..<start + 1000]))
        }
        XCTAssertEqual(digest.hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }
}

/// Numbers that look like chance, the same ones every time.
private struct Random {
    private var state: UInt64 = 1

    mutating func next(below limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % limit
    }
}

/// Bytes of hexadecimal digits, over several lines.
private func bytes(_ digits: String) -> [UInt8] {
    let digits = digits.filter(\.isHexDigit)
    return digits.indices.enumerated().filter { $0.offset % 2 == 0 }.compactMap {
        UInt8(digits[$0.element...].prefix(2), radix: 16)
    }
}
