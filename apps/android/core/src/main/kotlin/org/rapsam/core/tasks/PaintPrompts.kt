package org.rapsam.core.tasks

import kotlin.math.hypot
import kotlin.math.round

/**
 * Draws a smooth disc with a white rim, in place, for a point beside the region a white one with a rim; rapsam/tasks/overlay.py.
 *
 * @param radius In pixels.
 */
fun paintPoint(canvas: Picture, point: PromptPoint, radius: Double, colour: Int) {
    val reach = radius.toInt() + 3
    val (outside, inside) = if (point.isInside) WHITE to colour else colour to WHITE
    val middleX = point.x.toInt()
    val middleY = point.y.toInt()
    for (row in maxOf(middleY - reach, 0) until minOf(middleY + reach + 1, canvas.size.height)) {
        for (column in maxOf(middleX - reach, 0) until minOf(middleX + reach + 1, canvas.size.width)) {
            val distance = hypot(row - point.y, column - point.x)
            val at = row * canvas.size.width + column
            val rim = blended(canvas.argb[at], outside, (radius + 0.5 - distance).coerceIn(0.0, 1.0))
            canvas.argb[at] = blended(rim, inside, (radius * 0.7 + 0.5 - distance).coerceIn(0.0, 1.0))
        }
    }
}

/**
 * Draws a rectangle with a white rim, in place; the line lies inside the box.
 *
 * @param width Of the line, in pixels.
 */
fun paintBox(canvas: Picture, box: PromptBox, width: Int, colour: Int) {
    val (x1, y1, x2, y2) = listOf(box.x1, box.y1, box.x2, box.y2).map { round(it.toFloat().toDouble()).toInt() }
    frame(canvas, x1, y1, x2, y2, width + 2, WHITE)
    frame(canvas, x1 + 1, y1 + 1, x2 - 1, y2 - 1, width, colour)
}

private fun frame(canvas: Picture, x1: Int, y1: Int, x2: Int, y2: Int, line: Int, colour: Int) {
    for (y in y1 until minOf(y2, canvas.size.height)) {
        for (x in x1 until minOf(x2, canvas.size.width)) {
            val isLine = y < y1 + line || y >= y2 - line || x < x1 + line || x >= x2 - line
            if (isLine) canvas.argb[y * canvas.size.width + x] = colour
        }
    }
}

private fun blended(before: Int, colour: Int, share: Double): Int = packed(
    channel(red(before), red(colour), share),
    channel(green(before), green(colour), share),
    channel(blue(before), blue(colour), share),
)

private fun channel(before: Int, colour: Int, share: Double): Int =
    (before * (1 - share) + colour * share + 0.5).toInt()
