package org.rapsam.core.tasks

import org.rapsam.core.Problem

/** What asks for one region, in pixels of the original image: a point in it, or a box around it. */
sealed interface Prompt {
    /** A place inside the region. */
    data class Point(val x: Double, val y: Double) : Prompt

    /** Around the region; ends exclusive. */
    data class Box(val x1: Double, val y1: Double, val x2: Double, val y2: Double) : Prompt
}

/**
 * Checks prompts and brings them to the network's image. Near the border a point's box reaches outside it, and must.
 *
 * @return (K, 4) x1, y1, x2, y2 in pixels of the resized, unpadded image.
 */
fun promptBoxes(prompts: List<Prompt>, geometry: Geometry, pointRadius: Double): FloatArray {
    val found = FloatArray(4 * prompts.size)
    for ((place, prompt) in prompts.withIndex()) {
        when (prompt) {
            is Prompt.Point -> {
                checkPoint(prompt, geometry.original)
                val x = (prompt.x * geometry.scaleX).toFloat()
                val y = (prompt.y * geometry.scaleY).toFloat()
                val radius = pointRadius.toFloat()
                found[4 * place] = x - radius
                found[4 * place + 1] = y - radius
                found[4 * place + 2] = x + radius
                found[4 * place + 3] = y + radius
            }
            is Prompt.Box -> {
                checkBox(prompt, geometry.original)
                found[4 * place] = (prompt.x1 * geometry.scaleX).toFloat()
                found[4 * place + 1] = (prompt.y1 * geometry.scaleY).toFloat()
                found[4 * place + 2] = (prompt.x2 * geometry.scaleX).toFloat()
                found[4 * place + 3] = (prompt.y2 * geometry.scaleY).toFloat()
            }
        }
    }
    return found
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

internal fun checkPoint(point: Prompt.Point, size: Size) {
    if (!(point.x >= 0 && point.x < size.width && point.y >= 0 && point.y < size.height)) {
        throw Problem(
            "point ${point.x},${point.y} is outside the image; expected 0 <= x < ${size.width} and " +
                "0 <= y < ${size.height}: tap inside the photo",
        )
    }
}

internal fun checkBox(box: Prompt.Box, size: Size) {
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
