package org.rapsam.core

import java.io.File
import org.rapsam.core.tasks.DistinctTracks
import org.rapsam.core.tasks.Layer
import org.rapsam.core.tasks.Limits
import org.rapsam.core.tasks.NearOnlineTracker
import org.rapsam.core.tasks.Prompt
import org.rapsam.core.tasks.QueryMatcher
import org.rapsam.core.tasks.Region
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.Thresholds
import org.rapsam.core.tasks.TrackFinder
import org.rapsam.core.tasks.classColour
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
import org.rapsam.core.tasks.textColour
import org.rapsam.core.tasks.toOriginal
import org.rapsam.core.tasks.turnedUpright

/** Functions of bundles that this app refuses: prompts encoded as points, images resized as Pillow does. */
private val NOT_HERE = setOf("longest_side", "point_slots", "chosen_candidates")

/** Every golden vector of every function: those of functions that are not here are named, an unknown one fails. */
fun fixtureTests(checks: Checks, folder: File) {
    for (case in fixtureCases(folder)) {
        val name = "fixture ${case.function} ${case.name}"
        if (case.function in NOT_HERE) println("not here: $name") else checks.test(name) { run(case) }
    }
}

private fun run(case: FixtureCase) = when (case.function) {
    "orientation" -> case.check("displayed", turnedUpright(case.array("stored").picture(), case.int("exif")))
    "letterbox" -> letterboxCase(case)
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

private fun letterboxCase(case: FixtureCase) {
    val colour = case.numbers("pad_colour").map { it.toFloat() }
    val fitted = letterbox(case.array("image").picture(), case.size("size"), colour)
    case.check("pixels", fitted.pixels.data)
    case.check("content_size", intArrayOf(fitted.geometry.content.height, fitted.geometry.content.width))
}

private fun points(case: FixtureCase) = case.rows("points").map { (x, y) -> Prompt.Point(x, y) }

private fun boxes(case: FixtureCase) = case.rows("boxes").map { (x1, y1, x2, y2) -> Prompt.Box(x1, y1, x2, y2) }

private fun promptCase(case: FixtureCase) {
    val found = promptBoxes(points(case) + boxes(case), case.geometry(), case.number("point_radius"))
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
