package org.rapsam.core.tasks

private const val TILE_SIDE = 64

/** A rectangle of the original image, and the logits that it reads; ends exclusive. */
class Tile internal constructor(
    val top: Int,
    val bottom: Int,
    val left: Int,
    val right: Int,
    val sourceTop: Int,
    val sourceBottom: Int,
    val sourceLeft: Int,
    val sourceRight: Int,
) {
    /** Columns of the original image. */
    val width: Int get() = right - left
}

/**
 * The way of mask logits to the original image's size, tile by tile; `original_tiles` of rapsam/tasks/resize.py.
 * Make it once for all frames of a video. Not for several threads at a time.
 *
 * @property source Size of the mask logits, at any stride of the padded input.
 */
class Enlarger(val source: Size, val geometry: Geometry) {
    private val rows =
        AxisWeights(source.height, geometry.padded.height, geometry.content.height, geometry.original.height)
    private val columns =
        AxisWeights(source.width, geometry.padded.width, geometry.content.width, geometry.original.width)
    private val between = FloatArray(source.height * TILE_SIDE)

    /** They cover the original image once, row by row. */
    val tiles: List<Tile> = rows.pieces(TILE_SIDE).flatMap { (top, bottom, sourceTop, sourceBottom) ->
        columns.pieces(TILE_SIDE).map { (left, right, sourceLeft, sourceRight) ->
            Tile(top, bottom, left, right, sourceTop, sourceBottom, sourceLeft, sourceRight)
        }
    }

    /** Values of the tile that was enlarged last, row by row. */
    val values = FloatArray(TILE_SIDE * TILE_SIDE)

    /**
     * Enlarges a tile into [values].
     *
     * @param offset Of the map in the logits.
     */
    fun enlarge(logits: FloatArray, offset: Int, tile: Tile) {
        val width = tile.width
        for (y in tile.sourceTop until tile.sourceBottom) {
            blendAlong(logits, offset + y * source.width, tile, (y - tile.sourceTop) * width)
        }
        for (y in tile.top until tile.bottom) {
            blendAcross((rows.first[y] - tile.sourceTop) * width, y, (y - tile.top) * width, width)
        }
    }

    /** Blends neighbours of a row of the logits. */
    private fun blendAlong(logits: FloatArray, from: Int, tile: Tile, to: Int) {
        val count = columns.count
        val weights = columns.weights
        for (x in 0 until tile.width) {
            val place = from + columns.first[tile.left + x]
            val at = (tile.left + x) * count
            var sum = weights[at] * logits[place]
            for (tap in 1 until count) sum += weights[at + tap] * logits[place + tap]
            between[to + x] = sum
        }
    }

    /** Blends rows that lie one after another into one. */
    private fun blendAcross(from: Int, pixel: Int, to: Int, width: Int) {
        val count = rows.count
        val at = pixel * count
        val first = rows.weights[at]
        for (x in 0 until width) values[to + x] = first * between[from + x]
        for (tap in 1 until count) {
            val weight = rows.weights[at + tap]
            val row = from + tap * width
            for (x in 0 until width) values[to + x] += weight * between[row + x]
        }
    }
}

/**
 * Brings mask logits to the original size.
 *
 * @param maskLogits (N, h, w).
 * @return (N, h0, w0).
 */
fun toOriginal(maskLogits: Tensor, geometry: Geometry): Tensor {
    val (count, height, width) = maskLogits.shape
    val enlarger = Enlarger(Size(height, width), geometry)
    val size = geometry.original
    val data = FloatArray(count * size.area)
    for (tile in enlarger.tiles) {
        for (map in 0 until count) {
            enlarger.enlarge(maskLogits.data, map * height * width, tile)
            for (y in tile.top until tile.bottom) {
                val from = (y - tile.top) * tile.width
                val to = (map * size.height + y) * size.width + tile.left
                enlarger.values.copyInto(data, to, from, from + tile.width)
            }
        }
    }
    return Tensor(data, listOf(count, size.height, size.width))
}
