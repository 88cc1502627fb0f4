import XCTest

@testable import SegCore

/// Every golden vector of every function: an unknown function fails.
final class FixtureTests: XCTestCase {
    func testEveryGoldenVector() throws {
        let cases = try fixtureCases()
        XCTAssertGreaterThanOrEqual(cases.count, 74)
        for one in cases { try run(one) }
        print("golden vectors compared: \(cases.count)")
    }

    private func run(_ one: FixtureCase) throws {
        switch one.function {
        case "orientation":
            try one.check("displayed", turnedUpright(one.array("stored").picture, exif: one.int("exif")))
        case "letterbox": try fitCase(one, .letterbox)
        case "longest_side": try fitCase(one, .longestSide)
        case "point_slots": try pointsCase(one)
        case "prompt_slots": try slotsCase(one)
        case "chosen_candidates": try candidatesCase(one)
        case "prompt_boxes": try promptCase(one)
        case "to_original":
            try one.check("enlarged", toOriginal(one.array("mask_logits").tensor, one.geometry()).data)
        case "interactive_masks":
            try one.check("masks", interactiveMasks(one.array("mask_logits").tensor, one.geometry()))
        case "panoptic": try panopticCase(one)
        case "match_queries":
            try one.check("order", matchQueries(one.array("previous").tensor, one.array("current").tensor))
        case "tracks": try tracksCase(one)
        case "palette": try paletteCase(one)
        case "line_width":
            try one.check(
                "widths", one.rows("sizes").map { lineWidth(PixelSize(height: Int($0[0]), width: Int($0[1]))) })
        case "prompt_spec": try specCase(one)
        case "paint_masks": try paintMasksCase(one)
        case "paint_prompts": try paintPromptsCase(one)
        default: XCTFail("there is no test of \(one.function)")
        }
    }

    private func fitCase(_ one: FixtureCase, _ fit: Fit) throws {
        let colour = try one.numbers("pad_colour").map(Float.init)
        let fitted = try letterbox(one.array("image").picture, size: one.size("size"), padColour: colour, fit: fit)
        try one.check("pixels", fitted.pixels.data)
        try one.check("content_size", [fitted.geometry.content.height, fitted.geometry.content.width])
    }

    private func specCase(_ one: FixtureCase) throws {
        try one.check("taken", one.rows("claims").map { isTaken($0.map { Int($0) }) ? 1 : 0 })
    }

    private func isTaken(_ claim: [Int]) -> Bool {
        func flag(_ place: Int) -> Json { .flag(claim[place] == 1) }
        func known(_ place: Int) -> Json { claim[place] < 0 ? .null : .int(claim[place]) }
        let told: Json = [
            "encoding": claim[0] == 0 ? "boxes" : "points", "max_points": .int(claim[1]), "negative_points": flag(2),
            "boxes": flag(3), "points_with_box": flag(4), "masks": flag(5), "point_radius": known(6),
            "candidates": known(7), "single": known(8), "mask_stride": known(9), "choice": "iou",
        ]
        return (try? promptSpec(JsonValue(told, place: "a claim"))) != nil
    }

    private func pointsCase(_ one: FixtureCase) throws {
        let spec = PromptSpec(
            encoding: "points", maxPoints: try one.int("max_points"), negativePoints: true,
            boxes: try one.int("takes_boxes") == 1, pointsWithBox: true, pointRadius: 0, candidates: 4, single: nil,
            choice: .iou, maskStride: nil)
        let points = try one.rows("points").map { Prompt.point(x: $0[0], y: $0[1]) }
        let found = try encodePrompts(points + boxes(one).map(Prompt.box), spec, one.geometry())
        for role in ["points", "point_labels"] { try one.check(role, XCTUnwrap(found[role]).data) }
    }

    private func slotsCase(_ one: FixtureCase) throws {
        let stride = try one.int("mask_stride")
        let spec = PromptSpec(
            encoding: "points", maxPoints: try one.int("max_points"), negativePoints: true,
            boxes: try one.int("takes_boxes") == 1, pointsWithBox: true, pointRadius: 0, candidates: 4, single: nil,
            choice: .iou, maskStride: stride == 0 ? nil : stride)
        let (points, boxes, masked) = (try one.rows("points"), try one.rows("boxes"), try one.numbers("masked"))
        let masks = try one.array("masks").tensor
        let prompts = try (0..<one.int("prompts")).map { place in
            let own = points.filter { Int($0[0]) == place }
            let box = boxes.first { Int($0[0]) == place }
            return Prompt(
                points: own.map { PromptPoint(x: $0[2], y: $0[3], isInside: $0[1] == 1) },
                box: box.map { PromptBox(x1: $0[1], y1: $0[2], x2: $0[3], y2: $0[4]) },
                mask: masked[place] == 1 ? masks.part(place) : nil)
        }
        for (role, tensor) in try encodePrompts(prompts, spec, one.geometry()) { try one.check(role, tensor.data) }
    }

    private func candidatesCase(_ one: FixtureCase) throws {
        let logits = try one.array("mask_logits").tensor
        let count = logits.shape[0] * logits.shape[1]
        let flat = Tensor(data: logits.data, shape: [count] + logits.shape.dropFirst(2))
        let stability = try stabilityScores(flat, one.geometry())
        let scores = try one.text("choice") == "iou" ? one.array("iou").tensor.data : stability
        let ambiguous = try one.numbers("ambiguous").map { $0 == 1 }
        let single = Int(try one.number("single"))
        try one.check("stability", stability)
        try one.check(
            "chosen", chosenCandidates(scores, ambiguous: ambiguous, single: single < 0 ? nil : single))
    }

    private func boxes(_ one: FixtureCase) throws -> [PromptBox] {
        try one.rows("boxes").map { PromptBox(x1: $0[0], y1: $0[1], x2: $0[2], y2: $0[3]) }
    }

    private func promptCase(_ one: FixtureCase) throws {
        let points = try one.rows("points").map { Prompt.point(x: $0[0], y: $0[1]) }
        let prompts = try points + boxes(one).map(Prompt.box)
        let found = try promptBoxes(prompts, one.geometry(), pointRadius: one.number("point_radius"))
        try one.check("boxes", found)
        try one.check("normalised", normalisedBoxes(found, one.geometry()).data)
    }

    private func panopticCase(_ one: FixtureCase) throws {
        let thresholds = Thresholds(
            score: try one.number("score_threshold"), overlap: try one.number("overlap_threshold"))
        let found = try panopticSegmentation(
            one.array("class_logits").tensor, one.array("mask_logits").tensor, one.geometry(),
            numThings: one.int("num_things"), thresholds: thresholds)
        try one.check("panoptic_map", found.map.map { Int($0) })
        try one.check("void", [found.void])
        try one.check(
            "segments", found.segments.flatMap { [$0.id, $0.classIndex, $0.isThing ? 1 : 0, $0.area, $0.query] })
        try one.check("scores", found.segments.map(\.score))
    }

    private func tracksCase(_ one: FixtureCase) throws {
        var tracker = NearOnlineTracker()
        var numbers = TrackNumbers()
        var distinct = DistinctTracks(sameObjectIou: try one.number("same_object_iou"))
        let limits = Limits(topK: try one.int("top_k"), minScore: try one.number("min_score"))
        let (classes, queries, masks) = (
            try one.array("class_logits").tensor, try one.array("queries").tensor, try one.array("mask_logits").tensor
        )
        let seen = try (0..<queries.shape[0]).map { frame in
            try tracker.update(
                classLogits: classes.part(frame), queries: queries.part(frame), maskLogits: masks.part(frame))
        }
        let (geometry, things) = (try one.geometry(), try one.int("num_things"))
        let frames = seen.map {
            trackedInstances($0, geometry, numThings: things, limits: limits, numbers: &numbers)
        }
        let all = frames.flatMap { $0 }
        try one.check("order", seen.flatMap(\.order))
        try one.check("mean_class_logits", seen.flatMap(\.classLogits.data))
        try one.check("counts", frames.map(\.count))
        try one.check("track_ids", all.map(\.trackId))
        try one.check("labels", all.map(\.instance.label))
        try one.check("queries", all.map(\.instance.query))
        try one.check("scores", all.map(\.instance.score))
        try one.check("boxes", all.map(\.instance.box).flatMap { [$0.x1, $0.y1, $0.x2, $0.y2] })
        try one.check("masks", all.map(\.instance.mask))
        try one.check("distinct_track_ids", frames.flatMap { distinct.of($0).map(\.trackId) })
    }

    private func paletteCase(_ one: FixtureCase) throws {
        let pairs = try one.array("pairs").ints
        let colours = (0..<pairs.count / 2).map { classColour(pairs[2 * $0], instance: pairs[2 * $0 + 1]) }
        try one.check("colours", channels(colours))
        try one.check("lightened", channels(colours.map(lightened)))
        try one.check("text", channels(colours.map(textColour(on:))))
    }

    private func paintMasksCase(_ one: FixtureCase) throws {
        var canvas = try one.array("image").picture
        let colours = try one.array("colours").ints
        let layers = try one.array("masks").masks.enumerated().map { place, mask in
            Layer(
                region: .ofMask(mask),
                colour: packed(colours[3 * place], colours[3 * place + 1], colours[3 * place + 2]))
        }
        paintMasks(&canvas, layers, width: try one.int("width"))
        try one.check("painted", canvas)
    }

    private func paintPromptsCase(_ one: FixtureCase) throws {
        var canvas = try one.array("image").picture
        for (place, box) in try boxes(one).enumerated() {
            paintBox(&canvas, box, width: try one.int("box_width"), colour: classColour(place))
        }
        for (place, point) in try one.rows("points").enumerated() {
            paintPoint(
                &canvas, x: point[0], y: point[1], radius: try one.number("point_radius"), colour: classColour(place))
        }
        try one.check("painted", canvas)
    }
}
