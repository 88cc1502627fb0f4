package org.rapsam.core.tasks

/** An image in the input of the network: (1, 3, H, W), R, G, B, 0..255, not normalised; and the way back. */
class Fitted(val pixels: Tensor, val geometry: Geometry)

/**
 * How an image meets the input of a graph, which both fits keep the aspect ratio for.
 *
 * @property spelling In a manifest.
 * @property resize The interpolation that goes with it, as a manifest spells it.
 */
enum class Fit(val spelling: String, val resize: String) {
    LETTERBOX("letterbox", "bilinear, half-pixel centres, no antialiasing, rounded to 8 bits"),

    /** Of networks of the kind of SAM. */
    LONGEST_SIDE(
        "longest side",
        "bilinear, half-pixel centres, antialiased when shrinking, across then down, each rounded to 8 bits",
    ),
}

/**
 * Fits an image into the fixed input of a graph; rapsam/tasks/preprocess.py.
 *
 * @param size Of the graph's input.
 * @param padColour R, G, B to the right and below, 0..255.
 * @param target Where the values go: 3 * H * W of them, all overwritten. A live camera keeps one.
 */
fun letterbox(
    picture: Picture,
    size: Size,
    padColour: List<Float>,
    target: FloatArray = FloatArray(3 * size.area),
    fit: Fit = Fit.LETTERBOX,
): Fitted {
    val original = picture.size
    val scale = minOf(size.height.toDouble() / original.height, size.width.toDouble() / original.width)
    val content = Size(scaled(original.height, scale), scaled(original.width, scale))
    for (channel in 0 until 3) target.fill(padColour[channel], channel * size.area, (channel + 1) * size.area)
    when (fit) {
        Fit.LETTERBOX -> resizeIntoPlanes(picture, content, target, size)
        Fit.LONGEST_SIDE -> antialiasedIntoPlanes(picture, content, target, size)
    }
    return Fitted(Tensor(target, listOf(1, 3, size.height, size.width)), Geometry(size, content, original))
}

private fun scaled(side: Int, scale: Double): Int = maxOf(1, (side * scale + 0.5).toInt())

/** Resizes an image: bilinear, half-pixel centres, rounded half up to whole numbers. */
fun resized(picture: Picture, size: Size): Picture {
    val planes = FloatArray(3 * size.area)
    resizeIntoPlanes(picture, size, planes, size)
    val argb = IntArray(size.area) { i ->
        packed(planes[i].toInt(), planes[size.area + i].toInt(), planes[2 * size.area + i].toInt())
    }
    return Picture(argb, size)
}

/** Resizes the colours of an image into the top left of three planes, rounded half up to whole numbers. */
private fun resizeIntoPlanes(picture: Picture, content: Size, planes: FloatArray, plane: Size) {
    val down = AxisTaps(picture.size.height, content.height)
    val rows = BlendedRows(picture, AxisTaps(picture.size.width, content.width), content.width)
    for (y in 0 until content.height) {
        val top = rows.of(down.lower[y])
        val bottom = rows.of(down.upper[y])
        val share = down.weight[y]
        for (channel in 0 until 3) {
            val from = channel * content.width
            val to = channel * plane.area + y * plane.width
            for (x in 0 until content.width) {
                val change = (bottom[from + x] - top[from + x]) * share
                planes[to + x] = (top[from + x] + change + 0.5f).toInt().toFloat()
            }
        }
    }
}

/** Rows of an image, blended along their axis. Neighbouring output rows share them, so two are kept. */
private class BlendedRows(private val picture: Picture, private val across: AxisTaps, private val width: Int) {
    private val kept = Array(2) { FloatArray(3 * width) }
    private val keptRow = intArrayOf(-1, -1)

    /** R, G and B of a row, one after another. Valid until two other rows have been asked for. */
    fun of(row: Int): FloatArray {
        val known = keptRow.indexOf(row)
        if (known >= 0) return kept[known]
        val place = if (keptRow[0] < keptRow[1]) 0 else 1
        keptRow[place] = row
        blend(row, kept[place])
        return kept[place]
    }

    private fun blend(row: Int, values: FloatArray) {
        val start = row * picture.size.width
        for (x in 0 until width) {
            val left = picture.argb[start + across.lower[x]]
            val right = picture.argb[start + across.upper[x]]
            val share = across.weight[x]
            values[x] = blended(red(left), red(right), share)
            values[width + x] = blended(green(left), green(right), share)
            values[2 * width + x] = blended(blue(left), blue(right), share)
        }
    }

    private fun blended(left: Int, right: Int, share: Float): Float = left + (right - left) * share
}
