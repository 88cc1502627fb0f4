import Foundation
import SegCore

/// Fits a camera's frame into a network's input, fuses mask logits into a panoptic map and paints it, and follows its objects,
/// again and again, as the live path does. GIVEN is a JSON file: `photo` (PNG), `size` of the network's input, `class_logits`,
/// `mask_logits` and `queries`, each with its `shape` and a `file` of float32, and `num_things`, `score`, `overlap` and `top_k`.
///
/// Prints JSON: `map`, the sum of the map's values, which tells that all frames are alike; `tracks`, how many each frame has;
/// milliseconds of the process for each `fit`, `fuse`, `paint` and `follow`; and, where `counting.c` is loaded before the
/// program, the bytes that each took from the heap.
func frames(_ given: String, count: Int) throws {
    let json = try parseJson(String(contentsOfFile: given, encoding: .utf8), name: given)
    let photo = try picture(json.field("photo").text())
    let sides = try json.field("size").items().map { try $0.int() }
    let size = PixelSize(height: sides[0], width: sides[1])
    let (classes, masks) = (try tensor(json.field("class_logits")), try tensor(json.field("mask_logits")))
    let things = try json.field("num_things").int()
    let thresholds = Thresholds(
        score: try json.field("score").number(), overlap: try json.field("overlap").number())
    let letterbox = Letterbox(original: photo.size, size: size)
    let source = PixelSize(height: masks.shape[1], width: masks.shape[2])
    let fusion = MaskFusion(source: source, geometry: letterbox.geometry)
    var input = [Float](repeating: 0, count: 3 * size.area)
    let painter = MaskPainter(size: photo.size)
    let queries = try tensor(json.field("queries"))
    var follower = Follower(numThings: things, topK: try json.field("top_k").int())
    var (fits, fuses, paints, follows): ([Cost], [Cost], [Cost], [Cost]) = ([], [], [], [])
    var tracks: [Int] = []
    var sums: Set<Int> = []
    for _ in 0..<count {
        fits.append(cost { letterbox.fit(photo, padColour: [0, 0, 0], into: &input) })
        var results: [PanopticResult] = []
        results.reserveCapacity(1)
        fuses.append(
            try cost {
                results.append(
                    try panopticSegmentation(
                        classes, masks, letterbox.geometry, numThings: things, thresholds: thresholds, fusion: fusion))
            })
        let found = results[0]
        sums.insert(found.map.reduce(0) { $0 + Int($1) })
        let layers = found.segments.map {
            Layer(region: .ofMap(found.map, value: Int32($0.id)), colour: classColour($0.classIndex))
        }
        var canvas = photo
        paints.append(cost { painter.paint(&canvas, layers, width: lineWidth(canvas.size)) })
        var followed: [TrackedInstance] = []
        follows.append(
            try cost {
                followed = try follower.next(
                    classLogits: classes, queries: queries, maskLogits: masks, geometry: letterbox.geometry)
            })
        tracks.append(followed.count)
    }
    print(
        jsonText([
            "map": .list(sums.map { .int($0) }), "map_bytes": .int(4 * photo.size.area),
            "fit_ms": .list(fits.map { .number($0.milliseconds) }),
            "fuse_ms": .list(fuses.map { .number($0.milliseconds) }),
            "paint_ms": .list(paints.map { .number($0.milliseconds) }),
            "paint_bytes": .list(paints.map { .int($0.bytes) }), "fit_bytes": .list(fits.map { .int($0.bytes) }),
            "fuse_bytes": .list(fuses.map { .int($0.bytes) }), "tracks": .list(tracks.map { .int($0) }),
            "follow_ms": .list(follows.map { .number($0.milliseconds) }),
            "follow_bytes": .list(follows.map { .int($0.bytes) }),
        ]))
}

/// Time of the processor, and bytes taken from the heap; nil where nobody counts them.
private struct Cost {
    let milliseconds: Double
    let bytes: Int?
}

private func cost(_ work: () throws -> Void) rethrows -> Cost {
    let (before, allocated) = (processorMs(), allocatedBytes())
    try work()
    let bytes = allocated.flatMap { start in allocatedBytes().map { $0 - start } }
    return Cost(milliseconds: processorMs() - before, bytes: bytes)
}

private func processorMs() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
}

/// What `counting.c` has counted.
private func allocatedBytes() -> Int? {
    guard let symbol = dlsym(nil, "rapsam_allocated_bytes") else { return nil }
    typealias Count = @convention(c) () -> Int
    return unsafeBitCast(symbol, to: Count.self)()
}

private func tensor(_ json: JsonValue) throws -> Tensor {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: json.field("file").text()))
    let data = bytes.withUnsafeBytes { raw in
        (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    return Tensor(data: data, shape: try json.field("shape").items().map { try $0.int() })
}
