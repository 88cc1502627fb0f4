package org.rapsam.core.session

import java.util.Locale
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
    private val answers = ArrayList<Answer>()

    /** Whether there is a photo. */
    val hasPhoto: Boolean get() = photo != null

    /** Whether regions were asked for. */
    val hasRegions: Boolean get() = answers.isNotEmpty()

    /** Takes a photo in place of the one before. */
    fun take(picture: Picture) {
        forget()
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
     * Asks for a region.
     *
     * @throws org.rapsam.core.Problem If the bundle takes no such prompt, or it lies outside the photo.
     */
    fun ask(prompt: Prompt) {
        answers += Answer(prompt, segmenter.segment(listOf(prompt)).single())
    }

    /** Forgets the regions. */
    fun clear() = answers.clear()

    /** Forgets the photo, as when memory is short. */
    fun forget() {
        photo = null
        objects = null
        answers.clear()
    }

    /** Paints the regions, or where none was asked for the objects, over the photo; null without a photo. */
    fun view(): View? {
        val canvas = photo?.copy() ?: return null
        if (hasRegions) return View(canvas, regions(canvas))
        val found = objects ?: return View(canvas, emptyList())
        return View(canvas, paintObjects(canvas, found, labels))
    }

    private fun regions(canvas: Picture): List<Entry> {
        val width = lineWidth(canvas.size)
        // Large masks first, so that a small one inside stays visible.
        val layers = answers.withIndex().sortedByDescending { (_, answer) -> answer.region.mask.count { it } }
            .map { (place, answer) -> Layer(PixelRegion.OfMask(answer.region.mask), classColour(place)) }
        paintMasks(canvas, layers, width)
        for ((place, answer) in answers.withIndex()) {
            when (val prompt = answer.prompt) {
                is Prompt.Box -> paintBox(canvas, prompt, width + 1, classColour(place))
                is Prompt.Point -> paintPoint(canvas, prompt, 3.0 * width + 3, classColour(place))
            }
        }
        return answers.mapIndexed { place, answer ->
            val kind = if (answer.prompt is Prompt.Box) "Box" else "Tap"
            val iou = "%.2f".format(Locale.ROOT, answer.region.predictedIou)
            Entry("$kind ${place + 1}", "predicted IoU $iou", classColour(place))
        }
    }
}
