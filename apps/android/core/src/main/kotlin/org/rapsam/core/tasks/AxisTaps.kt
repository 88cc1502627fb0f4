package org.rapsam.core.tasks

/**
 * The two source pixels that each output pixel of one axis blends; rapsam/tasks/resize.py.
 *
 * Bilinear, with half-pixel centres and no antialiasing: output pixel i looks at source position
 * (i + 0.5) * source / target - 0.5, clamped to the image. All steps are rounded to float32, as NumPy's are.
 *
 * @property upper Equal to [lower] at the far border.
 * @property weight Share of the second, 0..1; the first has the rest.
 */
internal class AxisTaps(source: Int, target: Int) {
    val lower = IntArray(target)
    val upper = IntArray(target)
    val weight = FloatArray(target)

    init {
        val scale = source.toFloat() / target.toFloat()
        for (i in 0 until target) {
            val centre = (i + 0.5f) * scale - 0.5f
            val position = centre.coerceIn(0f, (source - 1).toFloat())
            lower[i] = position.toInt()
            upper[i] = minOf(lower[i] + 1, source - 1)
            weight[i] = position - lower[i]
        }
    }
}
