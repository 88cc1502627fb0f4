package org.rapsam.core.tasks

/**
 * What the pixels of one axis of the original image are blended from: mask logits, enlarged to the padded size, the
 * padding cut off, and the rest resized to the original size, as one set of weights per pixel.
 *
 * @property first First source pixel of each; [count] of them lie within the source.
 * @property count Weights of each.
 * @property weights [count] for each pixel; 0 where fewer are needed.
 */
internal class AxisWeights(source: Int, padded: Int, content: Int, private val original: Int) {
    val first = IntArray(original)
    val count: Int
    val weights: FloatArray

    init {
        val outer = AxisTaps(content, original)
        val inner = AxisTaps(source, padded)
        val row = FloatArray(source)
        val needed = Array(original) { i -> neededBy(i, outer, inner, row) }
        count = needed.maxOf { it.size }
        weights = FloatArray(original * count)
        for (i in 0 until original) {
            val start = minOf(first[i], source - count)
            needed[i].copyInto(weights, i * count + first[i] - start)
            first[i] = start
        }
    }

    /** Weights of a pixel, without the zeros around them; sets [first]. */
    private fun neededBy(pixel: Int, outer: AxisTaps, inner: AxisTaps, row: FloatArray): FloatArray {
        val from = inner.lower[outer.lower[pixel]]
        val to = inner.upper[outer.upper[pixel]] + 1
        row.fill(0f, from, to)
        val isBorder = outer.lower[pixel] == outer.upper[pixel]
        val second = outer.weight[pixel]
        val rest = 1 - second
        addShares(row, inner, outer.lower[pixel], if (isBorder) rest + second else rest)
        if (!isBorder && second > 0) addShares(row, inner, outer.upper[pixel], second)
        val begin = (from until to).first { row[it] != 0f }
        val end = (to - 1 downTo from).first { row[it] != 0f } + 1
        first[pixel] = begin
        return row.copyOfRange(begin, end)
    }

    private fun addShares(row: FloatArray, inner: AxisTaps, place: Int, share: Float) {
        val isBorder = inner.lower[place] == inner.upper[place]
        val second = inner.weight[place]
        val rest = 1 - second
        row[inner.lower[place]] += share * (if (isBorder) rest + second else rest)
        if (!isBorder && second > 0) row[inner.upper[place]] += share * second
    }

    /** Start and end of pieces of at most so many pixels, in the original and in the source. */
    fun pieces(side: Int): List<IntArray> = (0 until original step side).map { start ->
        val end = minOf(start + side, original)
        intArrayOf(start, end, first[start], first[end - 1] + count)
    }
}
