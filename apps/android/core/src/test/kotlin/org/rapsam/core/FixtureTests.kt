package org.rapsam.core

import java.io.File
import org.rapsam.core.bundle.promptSpec
import org.rapsam.core.json.jsonOf
import org.rapsam.core.json.parseJson
import org.rapsam.core.tasks.Choice
import org.rapsam.core.tasks.DistinctTracks
import org.rapsam.core.tasks.Fit
import org.rapsam.core.tasks.Layer
import org.rapsam.core.tasks.Limits
import org.rapsam.core.tasks.NearOnlineTracker
import org.rapsam.core.tasks.Prompt
import org.rapsam.core.tasks.PromptBox
import org.rapsam.core.tasks.PromptPoint
import org.rapsam.core.tasks.PromptSpec
import org.rapsam.core.tasks.QueryMatcher
import org.rapsam.core.tasks.Region
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.Tensor
import org.rapsam.core.tasks.Thresholds
import org.rapsam.core.tasks.TrackFinder
import org.rapsam.core.tasks.chosenCandidates
import org.rapsam.core.tasks.classColour
import org.rapsam.core.tasks.encodePrompts
import org.rapsam.core.tasks.interactiveMasks
import org.rapsam.core.tasks.letterbox
import org.rapsam.core.tasks.lightened
import org.rapsam.core.tasks.lineWidth
import org.rapsam.core.tasks.normalisedBoxes
import org.rapsam.core.tasks.packed
import org.rapsam.core.tasks.paintBox
import org.rapsam.core.tasks.paintMasks
import org.rapsam.core.tasks.paintPoint
import org.rapsam.core.tasks.panopticSegmentation
import org.rapsam.core.tasks.promptBoxes
import org.rapsam.core.tasks.stabilityScores
import org.rapsam.core.tasks.stabilityToChoose
import org.rapsam.core.tasks.textColour
import org.rapsam.core.tasks.toOriginal
import org.rapsam.core.tasks.turnedUpright

/** Every golden vector of every function: an unknown function fails. */
fun fixtureTests(checks: Checks, folder: File) {
    for (case in fixtureCases(folder)) checks.test("fixture ${case.function} ${case.name}") { run(case) }
}

private fun run(case: FixtureCase) = when (case.function) {
    "orientation" -> case.check("displayed", turnedUpright(case.array("stored").picture(), case.int("exif")))
    "letterbox" -> fitCase(case, Fit.LETTERBOX)
    "longest_side" -> fitCase(case, Fit.LONGEST_SIDE)
    "point_slots" -> pointsCase(case)
    "prompt_slots" -> slotsCase(case)
    "chosen_candidates" -> candidatesCase(case)
    "prompt_spec" -> specCase(case)
    "prompt_boxes" -> promptCase(case)
    "to_original" -> case.check("enlarged", toOriginal(case.array("mask_logits").tensor(), case.geometry()).data)
    "interactive_masks" -> case.check("masks", interactiveMasks(case.array("mask_logits").tensor(), case.geometry()))
    "panoptic" -> panopticCase(case)
    "match_queries" ->
        case.array("previous").tensor().let { previous ->
            case.check("order", QueryMatcher(previous.shape).match(previous, case.array("current").tensor()))
        }
    "tracks" -> tracksCase(case)
    "palette" -> paletteCase(case)
    "line_width" -> case.check(
        "widths",
        case.rows("sizes").map { (height, width) -> lineWidth(Size(height.toInt(), width.toInt())) }.toIntArray(),
    )
    "paint_masks" -> paintMasksCase(case)
    "paint_prompts" -> paintPromptsCase(case)
    else -> throw AssertionError("there is no test of ${case.function}")
}

private fun fitCase(case: FixtureCase, fit: Fit) {
    val colour = case.numbers("pad_colour").map { it.toFloat() }
    val fitted = letterbox(case.array("image").picture(), case.size("size"), colour, fit = fit)
    case.check("pixels", fitted.pixels.data)
    case.check("content_size", intArrayOf(fitted.geometry.content.height, fitted.geometry.content.width))
}

private fun specCase(case: FixtureCase) =
    case.check("taken", case.rows("claims").map { if (isTaken(it.map(Double::toInt))) 1 else 0 }.toIntArray())

private fun isTaken(claim: List<Int>): Boolean {
    fun flag(place: Int) = claim[place] == 1
    fun known(place: Int) = claim[place].takeIf { it >= 0 }
    val told = mapOf(
        "encoding" to listOf("boxes", "points")[claim[0]], "max_points" to claim[1], "negative_points" to flag(2),
        "boxes" to flag(3), "points_with_box" to flag(4), "masks" to flag(5), "point_radius" to known(6),
        "candidates" to claim[7], "single" to known(8), "mask_stride" to known(9), "choice" to "iou",
    )
    return try {
        promptSpec(parseJson(jsonOf(told), "a claim"))
        true
    } catch (problem: Problem) {
        false
    }
}

private fun pointsSpec(case: FixtureCase, maskStride: Int?) = PromptSpec(
    encoding = "points",
    maxPoints = case.int("max_points"),
    negativePoints = true,
    boxes = case.int("takes_boxes") == 1,
    pointsWithBox = true,
    pointRadius = 0.0,
    candidates = 4,
    single = null,
    choice = Choice.IOU,
    maskStride = maskStride,
)

private fun pointsCase(case: FixtureCase) {
    val found = encodePrompts(tapsAndBoxes(case), pointsSpec(case, null), case.geometry())
    for (role in listOf("points", "point_labels")) case.check(role, found.getValue(role).data)
}

private fun slotsCase(case: FixtureCase) {
    val spec = pointsSpec(case, case.int("mask_stride").takeIf { it > 0 })
    val masks = case.array("masks").tensor()
    val prompts = List(case.int("prompts")) { place ->
        Prompt(
            points = case.rows("points").filter { it[0].toInt() == place }.map { (_, inside, x, y) ->
                PromptPoint(x, y, inside == 1.0)
            },
            box = case.rows("boxes").find { it[0].toInt() == place }?.let { (_, x1, y1, x2, y2) -> PromptBox(x1, y1, x2, y2) },
            mask = masks.part(place).takeIf { case.numbers("masked")[place] == 1.0 },
        )
    }
    for ((role, tensor) in encodePrompts(prompts, spec, case.geometry())) case.check(role, tensor.data)
}

private fun candidatesCase(case: FixtureCase) {
    val logits = case.array("mask_logits").tensor()
    val flat = Tensor(logits.data, listOf(logits.shape[0] * logits.shape[1]) + logits.shape.drop(2))
    val ambiguous = case.numbers("ambiguous").map { it == 1.0 }
    val single = case.number("single").toInt().takeIf { it >= 0 }
    val stability = stabilityToChoose(flat, case.geometry(), ambiguous, single)
    val scores = if (case.text("choice") == Choice.IOU.spelling) case.array("iou").tensor().data else stability
    val all = stabilityScores(flat, case.geometry())
    case.check("stability", all)
    val count = logits.shape[1]
    for ((place, score) in stability.withIndex()) {
        val isAsked = single == null || ambiguous[place / count] && place % count != single
        assertEqual(if (isAsked) all[place] else 0f, score)
    }
    case.check("chosen", chosenCandidates(scores, ambiguous, single))
}

private fun points(case: FixtureCase) = case.rows("points").map { (x, y) -> PromptPoint(x, y) }

private fun boxes(case: FixtureCase) = case.rows("boxes").map { (x1, y1, x2, y2) -> PromptBox(x1, y1, x2, y2) }

private fun tapsAndBoxes(case: FixtureCase) =
    points(case).map { Prompt(points = listOf(it)) } + boxes(case).map { Prompt(box = it) }

private fun promptCase(case: FixtureCase) {
    val found = promptBoxes(tapsAndBoxes(case), case.geometry(), case.number("point_radius"))
    case.check("boxes", found)
    case.check("normalised", normalisedBoxes(found, case.geometry()).data)
}

private fun panopticCase(case: FixtureCase) {
    val found = panopticSegmentation(
        case.array("class_logits").tensor(),
        case.array("mask_logits").tensor(),
        case.geometry(),
        case.int("num_things"),
        Thresholds(case.number("score_threshold"), case.number("overlap_threshold")),
    )
    case.check("panoptic_map", found.map)
    case.check("void", intArrayOf(found.void))
    val rows = found.segments.flatMap { listOf(it.id, it.classIndex, if (it.isThing) 1 else 0, it.area, it.query) }
    case.check("segments", rows.toIntArray())
    case.check("scores", found.segments.map { it.score }.toFloatArray())
}

private fun tracksCase(case: FixtureCase) {
    val tracker = NearOnlineTracker()
    val finder = TrackFinder(case.int("num_things"), Limits(case.int("top_k"), case.number("min_score")))
    val distinct = DistinctTracks(case.number("same_object_iou"))
    val outputs = listOf("class_logits", "queries", "mask_logits").map { case.array(it).tensor() }
    val orders = ArrayList<Int>()
    val means = ArrayList<Float>()
    val frames = (0 until outputs[1].shape[0]).map { number ->
        val (classLogits, queries, maskLogits) = outputs.map { it.part(number) }
        val frame = tracker.update(classLogits, queries, maskLogits)
        orders += frame.order.toList()
        means += frame.classLogits.data.toList()
        finder.find(frame, case.geometry())
    }
    val all = frames.flatten()
    case.check("order", orders.toIntArray())
    case.check("mean_class_logits", means.toFloatArray())
    case.check("counts", frames.map { it.size }.toIntArray())
    case.check("track_ids", all.map { it.trackId }.toIntArray())
    case.check("labels", all.map { it.instance.label }.toIntArray())
    case.check("queries", all.map { it.instance.query }.toIntArray())
    case.check("scores", all.map { it.instance.score }.toFloatArray())
    case.check("boxes", all.flatMap { it.instance.sight.box }.toIntArray())
    case.check("masks", all.map { it.instance.mask })
    case.check("distinct_track_ids", frames.flatMap { frame -> distinct.of(frame).map { it.trackId } }.toIntArray())
}

private fun paletteCase(case: FixtureCase) {
    val pairs = case.array("pairs").ints()
    val colours = List(pairs.size / 2) { classColour(pairs[2 * it], pairs[2 * it + 1]) }
    case.check("colours", channels(colours))
    case.check("lightened", channels(colours.map(::lightened)))
    case.check("text", channels(colours.map(::textColour)))
}

private fun channels(colours: List<Int>) =
    colours.flatMap { listOf(it shr 16 and 255, it shr 8 and 255, it and 255) }.toIntArray()

private fun paintMasksCase(case: FixtureCase) {
    val canvas = case.array("image").picture()
    val colours = case.array("colours").ints()
    val layers = case.array("masks").masks().mapIndexed { place, mask ->
        Layer(Region.OfMask(mask), packed(colours[3 * place], colours[3 * place + 1], colours[3 * place + 2]))
    }
    paintMasks(canvas, layers, case.int("width"))
    case.check("painted", canvas)
}

private fun paintPromptsCase(case: FixtureCase) {
    val canvas = case.array("image").picture()
    boxes(case).forEachIndexed { place, box -> paintBox(canvas, box, case.int("box_width"), classColour(place)) }
    points(case).forEachIndexed { place, point ->
        paintPoint(canvas, point, case.number("point_radius"), classColour(place))
    }
    case.check("painted", canvas)
}
