package org.rapsam.core.tasks

import org.rapsam.core.Problem

/**
 * A place in a region, or beside it, in pixels of the original image.
 *
 * @property isInside Whether it lies in the region.
 */
data class PromptPoint(val x: Double, val y: Double, val isInside: Boolean = true)

/** A box around a region, in pixels of the original image; ends exclusive. */
data class PromptBox(val x1: Double, val y1: Double, val x2: Double, val y2: Double)

/**
 * What asks for one region; rapsam/tasks/prompt_set.py.
 *
 * @property box Around the region.
 * @property mask (h, w) mask logits of an earlier answer.
 */
class Prompt(val points: List<PromptPoint> = emptyList(), val box: PromptBox? = null, val mask: Tensor? = null) {
    /** Whether it is one point and nothing else, which may mean several things. */
    internal val isAmbiguous: Boolean get() = points.size == 1 && box == null && mask == null

    companion object {
        /** A place inside the region. */
        fun point(x: Double, y: Double) = Prompt(points = listOf(PromptPoint(x, y)))

        /** Around the region. */
        fun box(x1: Double, y1: Double, x2: Double, y2: Double) = Prompt(box = PromptBox(x1, y1, x2, y2))
    }
}

/**
 * Checks prompts and brings them to the network's image. Near the border a point's box reaches outside it, and must.
 *
 * @return (K, 4) x1, y1, x2, y2 in pixels of the resized, unpadded image.
 */
fun promptBoxes(prompts: List<Prompt>, geometry: Geometry, pointRadius: Double): FloatArray =
    prompts.flatMap { prompt ->
        prompt.points.flatMap { boxAround(it, geometry, pointRadius.toFloat()) } +
            prompt.box?.let { scaled(it, geometry) }.orEmpty().map { it.toFloat() }
    }.toFloatArray()

private fun boxAround(point: PromptPoint, geometry: Geometry, radius: Float): List<Float> {
    val (x, y) = scaled(point, geometry).map { it.toFloat() }
    return listOf(x - radius, y - radius, x + radius, y + radius)
}

/** x, y in pixels of the network's image, checked. */
internal fun scaled(point: PromptPoint, geometry: Geometry): List<Double> {
    checkPoint(point, geometry.original)
    return listOf(point.x * geometry.scaleX, point.y * geometry.scaleY)
}

/** x1, y1, x2, y2 in pixels of the network's image, checked. */
internal fun scaled(box: PromptBox, geometry: Geometry): List<Double> {
    checkBox(box, geometry.original)
    val (scaleX, scaleY) = geometry.scaleX to geometry.scaleY
    return listOf(box.x1 * scaleX, box.y1 * scaleY, box.x2 * scaleX, box.y2 * scaleY)
}

/**
 * @param boxes (K, 4) in pixels of the resized, unpadded image.
 * @return (1, K, 4) as fractions of the unpadded image's width and height.
 */
fun normalisedBoxes(boxes: FloatArray, geometry: Geometry): Tensor {
    val (height, width) = geometry.content
    val data = FloatArray(boxes.size) { boxes[it] / if (it % 2 == 0) width else height }
    return Tensor(data, listOf(1, boxes.size / 4, 4))
}

private fun checkPoint(point: PromptPoint, size: Size) {
    if (!(point.x >= 0 && point.x < size.width && point.y >= 0 && point.y < size.height)) {
        throw Problem(
            "point ${point.x},${point.y} is outside the image; expected 0 <= x < ${size.width} and " +
                "0 <= y < ${size.height}: tap inside the photo",
        )
    }
}

private fun checkBox(box: PromptBox, size: Size) {
    val told = "box ${box.x1},${box.y1},${box.x2},${box.y2}"
    if (!(box.x1 < box.x2 && box.y1 < box.y2)) {
        throw Problem("$told is empty; expected x1 < x2 and y1 < y2: drag a larger one")
    }
    if (!(box.x1 >= 0 && box.y1 >= 0 && box.x2 <= size.width && box.y2 <= size.height)) {
        throw Problem(
            "$told leaves the image; expected x within 0..${size.width} and y within 0..${size.height}: drag it inside",
        )
    }
}
