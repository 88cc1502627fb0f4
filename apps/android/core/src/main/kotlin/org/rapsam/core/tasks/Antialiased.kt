package org.rapsam.core.tasks

import kotlin.math.abs
import kotlin.math.ceil

private const val WEIGHT_BITS = 22
private const val ONE = 1 shl WEIGHT_BITS
private const val HALF = 1 shl (WEIGHT_BITS - 1)

/**
 * Resizes the colours of an image into the top left of three planes, as Pillow's `Image.resize(..., BILINEAR)` does it: the
 * fit "longest side" of rapsam/tasks/preprocess.py.
 *
 * A triangle as wide as two target pixels, at least two source pixels, weighs the source; across first, then down, each
 * rounded to 8 bits. Weights are whole numbers of 22 bits, so the bytes come out the same everywhere.
 */
internal fun antialiasedIntoPlanes(picture: Picture, content: Size, planes: FloatArray, plane: Size) {
    val rows = across(picture, content.width)
    val stride = 3 * content.width
    val down = Kernels(picture.size.height, content.height)
    val sums = IntArray(stride)
    for (y in 0 until content.height) {
        sums.fill(HALF)
        for (tap in 0 until down.counts[y]) {
            val weight = down.weights[y * down.most + tap]
            val from = (down.first[y] + tap) * stride
            for (i in 0 until stride) sums[i] += weight * (rows[from + i].toInt() and 0xFF)
        }
        for (channel in 0 until 3) {
            val to = channel * plane.area + y * plane.width
            for (x in 0 until content.width) planes[to + x] = (sums[3 * x + channel] shr WEIGHT_BITS).toFloat()
        }
    }
}

/** R, G, B of all rows, this wide. */
private fun across(picture: Picture, width: Int): ByteArray {
    // Where nothing changes Pillow skips the step; one weight of 1 does the same.
    val kernels = Kernels(picture.size.width, width)
    val found = ByteArray(3 * picture.size.height * width)
    var to = 0
    for (y in 0 until picture.size.height) {
        for (x in 0 until width) {
            var red = HALF
            var green = HALF
            var blue = HALF
            val from = y * picture.size.width + kernels.first[x]
            for (tap in 0 until kernels.counts[x]) {
                val weight = kernels.weights[x * kernels.most + tap]
                val pixel = picture.argb[from + tap]
                red += weight * red(pixel)
                green += weight * green(pixel)
                blue += weight * blue(pixel)
            }
            found[to++] = (red shr WEIGHT_BITS).toByte()
            found[to++] = (green shr WEIGHT_BITS).toByte()
            found[to++] = (blue shr WEIGHT_BITS).toByte()
        }
    }
    return found
}

/**
 * What each target pixel of an axis weighs.
 *
 * @property first First source pixel of each.
 * @property counts Source pixels of each, at most [most].
 * @property weights [most] for each target pixel.
 */
private class Kernels(source: Int, target: Int) {
    private val scale = source.toDouble() / target
    private val reach = maxOf(scale, 1.0)
    val most = 2 * ceil(reach).toInt() + 1
    val first = IntArray(target)
    val counts = IntArray(target)
    val weights = IntArray(target * most)

    init {
        val shares = DoubleArray(most)
        for (i in 0 until target) {
            val centre = (i + 0.5) * scale
            first[i] = maxOf((centre - reach + 0.5).toInt(), 0)
            counts[i] = minOf((centre + reach + 0.5).toInt(), source) - first[i]
            var sum = 0.0
            for (tap in 0 until counts[i]) {
                val away = abs((tap + first[i] - centre + 0.5) * (1 / reach))
                shares[tap] = maxOf(1 - away, 0.0)
                sum += shares[tap]
            }
            for (tap in 0 until counts[i]) weights[i * most + tap] = (0.5 + shares[tap] / sum * ONE).toInt()
        }
    }
}
