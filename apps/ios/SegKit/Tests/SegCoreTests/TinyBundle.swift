import Foundation
import XCTest

@testable import SegCore

/// Side of the network's image; its mask logits have a quarter of it.
let tinySide = 32
private let queries = 3
private let labels: [(String, Bool)] = [("cup", true), ("lamp", true), ("wall", false)]

/// A bundle of one network for objects and one for prompts, whose graphs only `FakeFactory` runs.
final class TinyBundle {
    let folder: URL

    /// Of the graphs' files.
    var suffix = ".fake"

    /// Of a prompt, which is then encoded as points; nil: as boxes.
    var maxPoints: Int?

    /// Changes the manifest before it is sealed.
    var edit: (inout Json) -> Void = { _ in }

    private var files: [(path: String, content: [UInt8])] = []

    init() {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("bundle-\(UUID().uuidString)")
    }

    /// Writes all files, and seals them.
    @discardableResult
    func written() throws -> TinyBundle {
        files = [
            ("objects\(suffix)", Array("objects".utf8)), ("prompt\(suffix)", Array("prompt".utf8)),
            ("golden/scene.png", tinyPng()), ("golden/boxes.bin", bytes([0.25, 0.25, 0.75, 0.75])),
            ("golden/iou.bin", bytes([0.5])), ("golden/index.json", Array(jsonText(index).utf8)),
            ("parity.json", Array(jsonText(["tensors": [row]]).utf8)),
        ]
        for file in files { try put(file.path, file.content) }
        var manifest = manifest
        edit(&manifest)
        try put("manifest.json", Array(jsonText(manifest).utf8))
        let digest = Sha256.hex(of: Array(jsonText(manifest).utf8))
        try put("manifest.sha256", Array("\(digest)  manifest.json\n".utf8))
        return self
    }

    /// Writes a file, whatever the manifest says.
    func put(_ path: String, _ content: [UInt8]) throws {
        let place = folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content).write(to: place)
    }

    /// Opens it.
    func opened() throws -> ModelBundle { try ModelBundle(at: folder) }

    private var manifest: Json {
        let (side, quarter) = (Json.int(tinySide), Json.int(tinySide / 4))
        let features = tensor("features", [1, 1, quarter, quarter], "flow")
        let objects = graph(
            "objects", [tensor("image", [1, 3, side, side], "image")],
            [
                tensor("classes", [1, .int(queries), .int(labels.count + 1)], "class_logits"),
                tensor("masks", [1, .int(queries), quarter, quarter], "mask_logits"),
                tensor("queries", [1, .int(queries), 4], "queries"), features,
            ])
        let asked =
            maxPoints.map { points in
                [
                    tensor("points", [1, 1, .int(points + 2), 2], "points"),
                    tensor("point_labels", [1, 1, .int(points + 2)], "point_labels"),
                    tensor("mask_prompt", [1, 1, 1, quarter, quarter], "mask_prompt"),
                    tensor("has_mask_prompt", [1, 1], "has_mask_prompt"),
                ]
            } ?? [tensor("boxes", [1, 1, 4], "boxes")]
        let prompt = graph(
            "prompt", [features] + asked,
            [tensor("mask", [1, 1, quarter, quarter], "mask_logits"), tensor("iou", [1, 1], "iou")])
        return [
            "schema_version": 4, "recipe": "fake-fp32", "minimum_runtime": "fake 1", "model": ["name": "tiny"],
            "graphs": [objects, prompt], "pipelines": [tinyPipeline("panoptic"), tinyPipeline("prompt")],
            "labels": ["labels": .list(labels.map { ["name": .text($0.0), "is_thing": .flag($0.1)] })],
            "preprocess": [
                "size": [side, side], "layout": "NCHW", "dtype": "float32", "colour_order": "RGB", "fit": "letterbox",
                "resize": "bilinear, half-pixel centres, no antialiasing, rounded to 8 bits",
                "pad_colour": [123.675, 116.28, 103.53],
            ],
            "postprocess": ["score_threshold": 0.5, "overlap_threshold": 0.5, "top_k": 10],
            "prompts": maxPoints.map(pointPrompts) ?? tinyPrompts,
            "files": .list(files.map { tinyFile($0.path, Sha256.hex(of: $0.content), $0.content.count) }),
        ]
    }

    private func graph(_ name: String, _ inputs: [Json], _ outputs: [Json]) -> Json {
        [
            "path": .text(name + suffix),
            "contract": ["graph": .text(name), "inputs": .list(inputs), "outputs": .list(outputs)],
        ]
    }

    private func tensor(_ name: String, _ shape: [Json], _ role: String) -> Json {
        ["name": .text(name), "shape": .list(shape), "dtype": "float32", "role": .text(role)]
    }

    private var index: Json {
        let image = stored("image", [1, 3, .int(tinySide), .int(tinySide)], "golden/scene.png")
        let iou = stored("iou", [1, 1], "golden/iou.bin")
        return [
            "schema_version": 1,
            "cases": [
                [
                    "name": "scene", "inputs": [image, stored("boxes", [1, 1, 4], "golden/boxes.bin")],
                    "graphs": [["graph": "prompt", "outputs": [iou]]],
                ]
            ],
        ]
    }

    private func stored(_ name: String, _ shape: [Json], _ file: String) -> Json {
        ["name": .text(name), "shape": .list(shape), "step": 1, "file": .text(file)]
    }

    private var row: Json { ["graph": "prompt", "output": "iou", "case": "scene", "sqnr_db": 60] }
}

/// What the tiny bundle takes as a prompt.
let tinyPrompts: Json = [
    "encoding": "boxes", "max_points": 1, "negative_points": false, "boxes": true, "points_with_box": false,
    "point_radius": 3, "candidates": 1, "single": nil, "choice": "iou", "masks": false, "mask_stride": nil,
]

/// What it takes where prompts are encoded as points.
private func pointPrompts(_ maxPoints: Int) -> Json {
    [
        "encoding": "points", "max_points": .int(maxPoints), "negative_points": true, "boxes": true,
        "points_with_box": true, "point_radius": nil, "candidates": 1, "single": nil, "choice": "iou", "masks": true,
        "mask_stride": 4,
    ]
}

/// A pipeline of the tiny bundle.
func tinyPipeline(_ task: String) -> Json {
    ["task": .text(task), "graphs": task == "prompt" ? ["objects", "prompt"] : ["objects"]]
}

/// A file of a manifest.
func tinyFile(_ path: String, _ digest: String, _ size: Int) -> Json {
    ["path": .text(path), "sha256": .text(digest), "size_bytes": .int(size)]
}

/// A picture of a gradient, uncompressed within its PNG.
func tinyPng() -> [UInt8] {
    var rows: [UInt8] = []
    for y in 0..<tinySide {
        rows.append(0)
        for x in 0..<tinySide { rows += [UInt8(8 * x), UInt8(8 * y), UInt8(x * y & 255)] }
    }
    let length = [UInt8(rows.count & 255), UInt8(rows.count >> 8)]
    let packed: [UInt8] = [0x78, 0x01, 0x01] + length + length.map { ~$0 } + rows + [0, 0, 0, 0]
    let sides = bigEndian(tinySide) + bigEndian(tinySide)
    let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    return signature + chunk("IHDR", sides + [8, 2, 0, 0, 0]) + chunk("IDAT", packed) + chunk("IEND", [])
}

private func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    bigEndian(content.count) + Array(name.utf8) + content + [0, 0, 0, 0]
}

private func bigEndian(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

private func bytes(_ values: [Float]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

/// Fails unless it throws a `Problem` in one line whose message holds all of these words.
func assertProblem<Value>(
    _ words: String..., file: StaticString = #filePath, line: UInt = #line, _ body: () throws -> Value
) {
    do {
        _ = try body()
        XCTFail("no problem; expected one of \(words)", file: file, line: line)
    } catch {
        guard let problem = error as? Problem else {
            return XCTFail("\(error) is no problem for people", file: file, line: line)
        }
        for word in words where !problem.message.contains(word) {
            XCTFail("\"\(problem.message)\" does not say \"\(word)\"", file: file, line: line)
        }
        XCTAssertFalse(problem.message.contains("\n"), "more than one line", file: file, line: line)
    }
}
