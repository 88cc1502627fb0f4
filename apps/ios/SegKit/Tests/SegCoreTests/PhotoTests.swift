import XCTest

@testable import SegCore

/// Photos and frames that nobody expects.
final class PhotoTests: XCTestCase {
    func testAPhotoOfOneRowOrOfMoreThanAHundredMegapixelsIsRefused() throws {
        assertProblem("4000x1 px", "at least 2 px") { try checkPhoto("photo", height: 1, width: 4000) }
        assertProblem("10001x10000 px", "100 megapixels") {
            try checkPhoto("photo", height: 10_000, width: 10_001)
        }
        assertProblem("16385x2 px") { try checkPhoto("photo", height: 2, width: 16_385) }
        assertProblem("photo is") { try checkPhoto("photo", height: .max, width: 3) }
        try checkPhoto("photo", height: 10_000, width: 10_000)
        try checkPhoto("photo", height: 2, width: 2)
    }

    func testANameIsShownWithoutWhatWouldBreakALine() {
        assertProblem("a b is 1x9 px") { try checkPhoto("a\nb", height: 9, width: 1) }
    }

    func testAPhotoThatMemoryDoesNotHoldIsMadeSmallerOrRefused() throws {
        let photo = PixelSize(height: 100, width: 200)
        XCTAssertEqual(try workingSize(photo, freeBytes: 33 * 20_000), photo)
        XCTAssertLessThan(try workingSize(photo, freeBytes: 33 * 19_999).area, photo.area)
        XCTAssertEqual(try workingSize(photo, freeBytes: 33 * 5_000), PixelSize(height: 50, width: 100))
        assertProblem("no memory left") { try workingSize(photo, freeBytes: 33) }
        // A simulator sets no limit; where there is one, nothing is left when nothing is left.
        XCTAssertEqual(try workingSize(photo, freeBytes: nil), photo)
        for none in [0, -5] { assertProblem("no memory left") { try workingSize(photo, freeBytes: none) } }
    }

    func testAnUnknownOrientationIsRefused() {
        let photo = Picture(argb: [0, 0, 0, 0], size: PixelSize(height: 2, width: 2))
        assertProblem("orientation 9") { try turnedUpright(photo, exif: 9) }
    }

    func testSixteenBitsKeepTheirUpperEight() {
        let found = pictureOf16Bits(
            [0xFFFF, 0x80FF, 0x00FF, 0, 0x0100, 0, 0xABCD, 9], size: PixelSize(height: 1, width: 2))
        XCTAssertEqual(found.argb, [packed(255, 128, 0), packed(1, 0, 171)])
    }

    func testACameraThatIsNotThereOrRefusedIsTold() {
        XCTAssertNil(cameraProblem(isThere: true, isAllowed: true))
        XCTAssertTrue(cameraProblem(isThere: false, isAllowed: true)!.message.contains("no camera"))
        XCTAssertTrue(cameraProblem(isThere: true, isAllowed: false)!.message.contains("refused"))
    }

    func testFramesAreCopiedRowByRowWhateverFollowsTheirPixels() throws {
        // Two rows of one pixel and four bytes of padding: blue, green, red, alpha.
        let bytes: [UInt8] = [3, 2, 1, 255, 9, 9, 9, 9, 6, 5, 4, 255, 9, 9, 9, 9]
        var frames = FramePicture()
        let size = PixelSize(height: 2, width: 1)
        let found = try bytes.withUnsafeBytes { try frames.take($0, size: size, bytesPerRow: 8) }
        XCTAssertEqual(found.argb, [packed(1, 2, 3), packed(4, 5, 6)])
        assertProblem("8 bytes for a frame of 2x1") {
            try bytes.prefix(8).withUnsafeBytes { try frames.take($0, size: size, bytesPerRow: 8) }
        }
        assertProblem("frame of 2x1") { try bytes.withUnsafeBytes { try frames.take($0, size: size, bytesPerRow: 2) } }
    }

    func testNumbersWithPaddingAreBroughtIntoOrder() throws {
        let numbers: [Float] = [1, 2, -1, 3, 4, -1, 5, 6, -1, 7, 8]
        let found = try contiguous(numbers, count: numbers.count, shape: [2, 2, 2], strides: [6, 3, 1])
        XCTAssertEqual(found, [1, 2, 3, 4, 5, 6, 7, 8])
        XCTAssertEqual(try contiguous(numbers, count: 11, shape: [2], strides: [3]), [1, 3])
        XCTAssertEqual(try contiguous(numbers, count: 11, shape: [2, 1], strides: [1, 1]), [1, 2])
        assertProblem("strides [9, 3, 1]") {
            try contiguous(numbers, count: numbers.count, shape: [2, 2, 2], strides: [9, 3, 1])
        }
    }

    func testFingersPointAtPixelsOfThePictureThatIsShown() throws {
        // 20 wide and 10 high, shown twice as large in a view of 40 by 60: 20 above and below are empty.
        let place = try XCTUnwrap(ShownPlace(of: PixelSize(height: 10, width: 20), inWidth: 40, height: 60))
        XCTAssertEqual(place.tap(x: 10, y: 30)?.points, [PromptPoint(x: 5, y: 5)])
        XCTAssertNil(place.tap(x: 10, y: 10))
        XCTAssertNil(place.tap(x: 40, y: 30))
        let box = try XCTUnwrap(place.box(fromX: 30, y: 34, toX: -9, y: 0)?.box)
        XCTAssertEqual([box.x1, box.y1, box.x2, box.y2], [0, 0, 15, 7])
        XCTAssertNil(place.box(fromX: 10, y: 0, toX: 20, y: 10))
        XCTAssertNil(ShownPlace(of: PixelSize(height: 10, width: 20), inWidth: 0, height: 60))
    }
}
