package org.rapsam.core.session

import java.util.Locale
import org.rapsam.core.Problem
import org.rapsam.core.bundle.Label
import org.rapsam.core.run.Region
import org.rapsam.core.run.Segmenter
import org.rapsam.core.tasks.Layer
import org.rapsam.core.tasks.PanopticResult
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Prompt
import org.rapsam.core.tasks.Region as PixelRegion
import org.rapsam.core.tasks.classColour
import org.rapsam.core.tasks.lineWidth
import org.rapsam.core.tasks.paintBox
import org.rapsam.core.tasks.paintMasks
import org.rapsam.core.tasks.paintPoint

/** What is shown: a picture, and what it shows. */
class View(val picture: Picture, val entries: List<Entry>)

/**
 * One photo, and all that was asked of it. It knows no screen: it lives on while screens turn. One thread at a time.
 *
 * @param labels Classes in the order of the class logits.
 */
class PhotoSession(private val segmenter: Segmenter, private val labels: List<Label>) {
    private class Answer(val prompt: Prompt, val region: Region)

    private var photo: Picture? = null
    private var objects: PanopticResult? = null

    /** Of each region all answers, each to one point more than the one before; the last one alone has its mask. */
    private val answers = ArrayList<List<Answer>>()

    /** Whether there is a photo. */
    val hasPhoto: Boolean get() = photo != null

    /** Whether regions were asked for. */
    val hasRegions: Boolean get() = answers.isNotEmpty()

    /** The regions as they are now. */
    val regions: List<Region> get() = answers.map { it.last().region }

    /** Takes a photo in place of the one before. */
    fun take(picture: Picture) {
        forgetAnswers()
        segmenter.take(picture)
        photo = picture
    }

    /**
     * Finds the objects in the photo, and returns how many segments there are. A bundle that takes prompts only looks at the
     * photo, so that the first of them is answered as quickly as others; then null.
     *
     * @throws org.rapsam.core.Problem If the network's outputs cannot be used.
     */
    fun find(): Int? {
        if (segmenter.findsObjects) objects = segmenter.panoptic() else segmenter.prepare()
        return objects?.segments?.size
    }

    /**
     * Asks for a region, or changes the last one by a point.
     *
     * @param prompt A point or a box; a box always asks for a region of its own.
     * @param meaning Of a point.
     * @throws Problem If the bundle takes no such prompt, it lies outside the photo, or there is no region to take from;
     *   regions are then what they were.
     */
    fun ask(prompt: Prompt, meaning: TapMeaning = TapMeaning.NEW_REGION) {
        val isNew = meaning == TapMeaning.NEW_REGION || prompt.box != null
        val before = if (isNew) null else answers.lastOrNull()?.last()
        if (!isNew && before == null && meaning == TapMeaning.TAKE_AWAY) {
            throw Problem("there is no region yet to take something from; tap what you want first")
        }
        val asked = if (before == null) prompt else changed(before, prompt, meaning)
        val found = Answer(asked, segmenter.segment(listOf(asked)).single())
        if (before == null) {
            answers.add(listOf(found))
        } else {
            val kept = Answer(before.prompt, before.region.withoutMask())
            answers[answers.lastIndex] = answers.last().dropLast(1) + kept + found
        }
    }

    /** One point more, and the answer before where the network takes it. */
    private fun changed(before: Answer, prompt: Prompt, meaning: TapMeaning) = Prompt(
        points = before.prompt.points + prompt.points.map { it.copy(isInside = meaning == TapMeaning.ADD) },
        box = before.prompt.box,
        mask = before.region.logits.takeIf { segmenter.promptSpec?.maskStride != null },
    )

    /** Takes the last point back, or the last box, with what it changed; the network is not asked again. */
    fun undo() {
        val last = answers.lastOrNull() ?: return
        val before = last.getOrNull(last.size - 2)
        if (before == null) {
            answers.removeAt(answers.lastIndex)
        } else {
            answers[answers.lastIndex] = last.dropLast(2) + Answer(before.prompt, before.region.withMask())
        }
    }

    /** Forgets the regions. */
    fun clear() = answers.clear()

    /** Forgets the photo, as when memory is short. */
    fun forget() {
        segmenter.forget()
        photo = null
        forgetAnswers()
    }

    private fun forgetAnswers() {
        objects = null
        answers.clear()
    }

    /** Paints the regions, or where none was asked for the objects, over the photo; null without a photo. */
    fun view(): View? {
        val canvas = photo?.copy() ?: return null
        if (hasRegions) return View(canvas, paintRegions(canvas))
        val found = objects ?: return View(canvas, emptyList())
        return View(canvas, paintObjects(canvas, found, labels))
    }

    private fun paintRegions(canvas: Picture): List<Entry> {
        val width = lineWidth(canvas.size)
        val current = answers.map { it.last() }
        // Large masks first, so that a small one inside stays visible.
        val layers = current.withIndex().sortedByDescending { (_, answer) -> answer.region.mask.count { it } }
            .map { (place, answer) -> Layer(PixelRegion.OfMask(answer.region.mask), classColour(place)) }
        paintMasks(canvas, layers, width)
        for ((place, answer) in current.withIndex()) {
            answer.prompt.box?.let { paintBox(canvas, it, width + 1, classColour(place)) }
        }
        for ((place, answer) in current.withIndex()) {
            for (point in answer.prompt.points) paintPoint(canvas, point, 3.0 * width + 3, classColour(place))
        }
        return current.mapIndexed { place, answer ->
            val kind = if (answer.prompt.box == null) "Tap" else "Box"
            val count = answer.prompt.points.size
            val points = if (count > 1) ", $count points" else ""
            val iou = "%.2f".format(Locale.ROOT, answer.region.predictedIou)
            Entry("$kind ${place + 1}$points", "predicted IoU $iou", classColour(place))
        }
    }
}
