package org.rapsam.core.tasks

import kotlin.math.round

private const val OPACITY = 0.45

/** Some pixels of an image, each by its place row by row. */
sealed interface Region {
    /** Whether a pixel belongs to it. */
    operator fun contains(place: Int): Boolean

    /** The pixels of a mask. */
    class OfMask(private val mask: BooleanArray) : Region {
        override fun contains(place: Int): Boolean = mask[place]
    }

    /** The pixels of a map that have a value. */
    class OfMap(private val map: IntArray, private val value: Int) : Region {
        override fun contains(place: Int): Boolean = map[place] == value
    }
}

/** One region to paint, and its colour. */
class Layer(val region: Region, val colour: Int)

/** A contour width in pixels that suits an image's size. */
fun lineWidth(size: Size): Int = maxOf(1, round(maxOf(size.height, size.width) / 500.0).toInt())

/**
 * Tints the insides of masks and draws their contours, in place; other pixels stay as they are. Where masks overlap the
 * topmost gives the tint; rapsam/tasks/overlay.py.
 *
 * @param layers From the bottom to the top, of the image's size.
 * @param width Of the contours, in pixels.
 */
fun paintMasks(canvas: Picture, layers: List<Layer>, width: Int) {
    val taken = BooleanArray(canvas.size.area)
    for (layer in layers.asReversed()) tint(canvas, layer, taken)
    for (layer in layers) outline(canvas, layer, width)
}

/** Tints the pixels that no layer above has taken, and takes them. */
private fun tint(canvas: Picture, layer: Layer, taken: BooleanArray) {
    val reds = tintTable(red(layer.colour))
    val greens = tintTable(green(layer.colour))
    val blues = tintTable(blue(layer.colour))
    for (i in taken.indices) {
        if (taken[i] || i !in layer.region) continue
        taken[i] = true
        val before = canvas.argb[i]
        canvas.argb[i] = packed(reds[red(before)], greens[green(before)], blues[blue(before)])
    }
}

/** What each of the 256 values of a channel becomes. */
private fun tintTable(part: Int): IntArray {
    val ink = part * OPACITY.toFloat()
    return IntArray(256) { before -> (before * (1 - OPACITY).toFloat() + ink + 0.5f).toInt() }
}

private fun outline(canvas: Picture, layer: Layer, width: Int) {
    val around = Extent.of(layer.region, canvas.size) ?: return
    val mask = around.cut(layer.region, canvas.size)
    var inner = mask
    repeat(width) { inner = eroded(inner, around.height, around.width) }
    val colour = lightened(layer.colour)
    for (i in mask.indices) {
        if (!mask[i] || inner[i]) continue
        canvas.argb[(around.top + i / around.width) * canvas.size.width + around.left + i % around.width] = colour
    }
}

/** The rectangle of a region and one pixel around it; ends exclusive. */
private class Extent(val top: Int, bottom: Int, val left: Int, right: Int) {
    val height = bottom - top
    val width = right - left

    fun cut(region: Region, size: Size): BooleanArray =
        BooleanArray(height * width) { (top + it / width) * size.width + left + it % width in region }

    companion object {
        /** Null for an empty region. */
        fun of(region: Region, size: Size): Extent? {
            var top = size.height
            var bottom = 0
            var left = size.width
            var right = 0
            for (y in 0 until size.height) {
                for (x in 0 until size.width) {
                    if (y * size.width + x !in region) continue
                    top = minOf(top, y)
                    bottom = y + 1
                    left = minOf(left, x)
                    right = maxOf(right, x + 1)
                }
            }
            if (bottom == 0) return null
            return Extent(
                maxOf(top - 1, 0),
                minOf(bottom + 1, size.height),
                maxOf(left - 1, 0),
                minOf(right + 1, size.width),
            )
        }
    }
}

/** Without the pixels that have a neighbour outside the mask; the frame is no outside. */
private fun eroded(mask: BooleanArray, height: Int, width: Int): BooleanArray {
    val inner = mask.copyOf()
    for (y in 0 until height) {
        for (x in 0 until width) {
            val i = y * width + x
            val isEdge = (y > 0 && !mask[i - width]) ||
                (y < height - 1 && !mask[i + width]) ||
                (x > 0 && !mask[i - 1]) ||
                (x < width - 1 && !mask[i + 1])
            if (isEdge) inner[i] = false
        }
    }
    return inner
}
