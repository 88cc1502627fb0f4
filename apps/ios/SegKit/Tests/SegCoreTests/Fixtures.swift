import Foundation
import XCTest

@testable import SegCore

/// An array of a golden vector: `apps/fixtures/README.md`. Values of all types are kept as Double, which holds them all.
struct FixtureArray {
    let isFloat: Bool
    let shape: [Int]
    let values: [Double]

    var tensor: Tensor { Tensor(data: values.map(Float.init), shape: shape) }

    var ints: [Int] { values.map { Int($0) } }

    var masks: [[Bool]] {
        let step = values.count / shape[0]
        return (0..<shape[0]).map { mask in values[mask * step..<(mask + 1) * step].map { $0 != 0 } }
    }

    var picture: Picture {
        let parts = ints
        let argb = (0..<parts.count / 3).map { packed(parts[3 * $0], parts[3 * $0 + 1], parts[3 * $0 + 2]) }
        return Picture(argb: argb, size: PixelSize(height: shape[0], width: shape[1]))
    }
}

/// One case: what a function is given, and what it must return.
struct FixtureCase {
    let function: String
    let name: String
    private let folder: URL
    private let given: JsonValue
    private let expected: JsonValue

    init(_ json: JsonValue, in folder: URL) throws {
        self.folder = folder
        function = try json.field("function").text()
        name = try json.field("name").text()
        given = try json.field("given")
        expected = try json.field("expected")
    }

    func array(_ field: String) throws -> FixtureArray { try array(given.field(field)) }

    func int(_ field: String) throws -> Int { try given.field(field).int() }

    func text(_ field: String) throws -> String { try given.field(field).text() }

    func number(_ field: String) throws -> Double { try given.field(field).number() }

    func numbers(_ field: String) throws -> [Double] { try given.field(field).items().map { try $0.number() } }

    func rows(_ field: String) throws -> [[Double]] {
        try given.field(field).items().map { row in try row.items().map { try $0.number() } }
    }

    func size(_ field: String) throws -> PixelSize {
        let sides = try numbers(field)
        return PixelSize(height: Int(sides[0]), width: Int(sides[1]))
    }

    func geometry() throws -> Geometry {
        Geometry(
            padded: try size("padded_size"), content: try size("content_size"), original: try size("original_size"))
    }

    /// Compares numbers: integers bit for bit, floats within 1e-6 of the larger of 1 and what is expected.
    func check(_ field: String, _ found: [Double]) throws {
        let wanted = try expected.field(field)
        let array = (try? wanted.field("file")) == nil ? nil : try array(wanted)
        let values = try array?.values ?? Self.flat(wanted)
        XCTAssertEqual(values.count, found.count, "\(function) \(name): count of \(field)")
        for (place, (value, expected)) in zip(found, values).enumerated() {
            let allowed = array?.isFloat == true ? 1e-6 * max(1, abs(expected)) : 0
            if !(abs(value - expected) <= allowed) {
                return XCTFail("\(function) \(name): \(field)[\(place)] is \(value), expected \(expected)")
            }
        }
    }

    func check(_ field: String, _ found: [Float]) throws { try check(field, found.map(Double.init)) }

    func check(_ field: String, _ found: [Int]) throws { try check(field, found.map(Double.init)) }

    func check(_ field: String, _ found: [[Bool]]) throws {
        try check(field, found.flatMap { $0.map { $0 ? 1.0 : 0.0 } })
    }

    func check(_ field: String, _ found: Picture) throws { try check(field, channels(found.argb)) }

    private func array(_ json: JsonValue) throws -> FixtureArray {
        let shape = try json.field("shape").items().map { try $0.int() }
        let bytes = try Data(contentsOf: folder.appendingPathComponent(json.field("file").text()))
        let at = try json.field("offset").int()
        let type = try json.field("dtype").text()
        let values = try (0..<shape.reduce(1, *)).map { i -> Double in
            try bytes.withUnsafeBytes { raw in
                switch type {
                case "uint8": return Double(raw[at + i])
                case "int32": return Double(raw.loadUnaligned(fromByteOffset: at + 4 * i, as: Int32.self))
                case "float32": return Double(raw.loadUnaligned(fromByteOffset: at + 4 * i, as: Float.self))
                default: throw Problem("unknown dtype \(type)")
                }
            }
        }
        return FixtureArray(isFloat: type == "float32", shape: shape, values: values)
    }

    /// Numbers of nested lists, one after another.
    private static func flat(_ json: JsonValue) throws -> [Double] {
        if let number = try? json.number() { return [number] }
        return try json.items().flatMap(flat)
    }
}

/// R, G and B of colours, one after another.
func channels(_ colours: [UInt32]) -> [Int] { colours.flatMap { [red($0), green($0), blue($0)] } }

/// Reads all cases of the golden vectors.
func fixtureCases() throws -> [FixtureCase] {
    // apps/ios/SegKit/Tests/SegCoreTests/Fixtures.swift
    let apps = (0..<5).reduce(URL(fileURLWithPath: #filePath)) { url, _ in url.deletingLastPathComponent() }
    let folder = apps.appendingPathComponent("fixtures/vectors")
    let text = try String(contentsOf: folder.appendingPathComponent("index.json"), encoding: .utf8)
    let index = try parseJson(text, name: "index.json")
    XCTAssertEqual(try index.field("format").int(), 1)
    return try index.field("cases").items().map { try FixtureCase($0, in: folder) }
}
