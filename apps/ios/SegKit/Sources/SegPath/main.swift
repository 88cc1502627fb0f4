import Foundation
import SegCore
import SegOnnx

// What the app does between a photo and its screen, without Apple's frameworks: for tests that compare it with Python.
//
// `segment BUNDLE RUNTIME ASKED OUT`: ASKED is a JSON file, a list of a `photo` (PNG), `points` and `boxes` each. Into OUT
// go the maps and masks; what was found is printed as JSON. `refine BUNDLE RUNTIME ASKED OUT`: ASKED is a `photo` and
// `steps`, taps (x, y) or boxes `at` a place with their `meaning`; after each step all regions go into OUT, and the picture at
// the end. `follow BUNDLE RUNTIME FRAMES OUT`: FRAMES is a JSON list of
// PNGs, of a video. `selftest BUNDLE RUNTIME` prints rows. `bench DOCUMENTS RUN` runs a job. `frames GIVEN COUNT` fits and
// fuses a frame so many times, and prints what that costs. A `Problem` is printed as `problem: ...`.

let words = Array(CommandLine.arguments.dropFirst())
do {
    switch words.first {
    case "segment": try segment(words[1], words[2], words[3], words[4])
    case "refine": try refine(words[1], words[2], words[3], words[4])
    case "follow": try follow(words[1], words[2], words[3], words[4])
    case "selftest": print(selfTestText(try selfTest(load(words[1], words[2]))))
    case "bench":
        let folder = JobFolder(in: URL(fileURLWithPath: words[1]), runId: words[2])
        try folder.run(
            app: AppBuild(version: "0.1.0", type: "debug"), phone: NoPhone(), factories: [OnnxEngineFactory()]
        ) { print($0) }
    case "frames": try frames(words[1], count: Int(words[2]) ?? 1)
    default: print("problem: expected segment, refine, follow, selftest, bench or frames")
    }
} catch {
    print("problem: \(problem(of: error).message)")
}

func load(_ bundle: String, _ runtime: String) throws -> LoadedBundle {
    let opened = try ModelBundle(at: URL(fileURLWithPath: bundle))
    let factory = try LoadedBundle.factory(for: opened, of: [OnnxEngineFactory()])
    return try LoadedBundle(opened, factory: factory, runtime: runtime, threads: 1)
}

func segment(_ bundle: String, _ runtime: String, _ asked: String, _ out: String) throws {
    let loaded = try load(bundle, runtime)
    let segmenter = Segmenter(loaded)
    let found = try items(asked).enumerated().map { number, one -> Json in
        segmenter.take(try picture(one.field("photo").text()))
        let objects = segmenter.findsObjects ? try segmenter.panoptic() : nil
        if let objects { try write(objects.map, to: "\(out)/\(number).map.bin") }
        let prompts = try numbers(one.field("points")).map { Prompt.point(x: $0[0], y: $0[1]) }
        let boxes = try numbers(one.field("boxes")).map {
            Prompt.box(PromptBox(x1: $0[0], y1: $0[1], x2: $0[2], y2: $0[3]))
        }
        let regions = try segmenter.segment(prompts + boxes)
        for (place, region) in regions.enumerated() { try write(region.mask, to: "\(out)/\(number).mask\(place).bin") }
        return [
            "void": .int(objects?.void),
            "segments": .list((objects?.segments ?? []).map(row)),
            "iou": .list(regions.map { .number(Double($0.predictedIou)) }),
        ]
    }
    print(jsonText(["version": .string(loaded.engine.version), "photos": .list(found)]))
}

func follow(_ bundle: String, _ runtime: String, _ frames: String, _ out: String) throws {
    let segmenter = Segmenter(try load(bundle, runtime))
    let found = try items(frames).enumerated().map { number, frame -> Json in
        guard case .tracks(let tracks, _) = try segmenter.look(at: picture(frame.text())) else {
            throw Problem("this bundle does not follow objects; take another one")
        }
        try write(tracks.flatMap(\.instance.mask), to: "\(out)/\(number).masks.bin")
        return .list(
            tracks.map { [.int($0.trackId), .int($0.instance.label), .number(Double($0.instance.score))] })
    }
    print(jsonText(.list(found)))
}

func items(_ file: String) throws -> [JsonValue] {
    try parseJson(String(contentsOfFile: file, encoding: .utf8), name: file).items()
}

func picture(_ file: String) throws -> Picture {
    try decodePng(Data(contentsOf: URL(fileURLWithPath: file)), name: file)
}

func row(_ segment: Segment) -> Json {
    [
        .int(segment.id), .int(segment.classIndex), .bool(segment.isThing), .number(Double(segment.score)),
        .int(segment.area), .int(segment.query),
    ]
}

func numbers(_ rows: JsonValue) throws -> [[Double]] {
    try rows.items().map { row in try row.items().map { try $0.number() } }
}

func write<Value: BitwiseCopyable>(_ values: [Value], to file: String) throws {
    try values.withUnsafeBytes { Data($0) }.write(to: URL(fileURLWithPath: file))
}

/// A phone of which nothing is known but its processor.
struct NoPhone: Phone {
    let memoryMetric = "none"

    func facts() -> PhoneFacts {
        PhoneFacts(cores: ProcessInfo.processInfo.processorCount, ramMb: nil, lowPower: nil, battery: nil)
    }

    func battery() -> Battery? { nil }

    func thermalState() -> String? { nil }

    func memoryMb() -> Int? { nil }
}
