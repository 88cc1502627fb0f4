package org.rapsam.core.tasks

import org.rapsam.core.Problem

/**
 * Cuts one mask per prompt out of the mask logits; rapsam/tasks/prompt.py.
 *
 * @param maskLogits (K, h, w) at any stride of the padded input.
 * @return K masks (h0, w0): where the enlarged logit is above 0.
 * @throws Problem If the shape is another, or a value is not finite.
 */
fun interactiveMasks(maskLogits: Tensor, geometry: Geometry): List<BooleanArray> {
    if (maskLogits.shape.size != 3 || 0 in maskLogits.shape) {
        throw Problem(
            "mask logits have the shape ${maskLogits.shape}; expected (prompts, height, width): export the bundle again",
        )
    }
    checkFinite("mask logits", maskLogits.data)
    val (count, height, width) = maskLogits.shape
    val enlarger = Enlarger(Size(height, width), geometry)
    return List(count) { map ->
        val mask = BooleanArray(geometry.original.area)
        for (tile in enlarger.tiles) cutTile(maskLogits.data, map * height * width, enlarger, tile, mask)
        mask
    }
}

private fun cutTile(logits: FloatArray, offset: Int, enlarger: Enlarger, tile: Tile, mask: BooleanArray) {
    val columns = enlarger.geometry.original.width
    // An enlarged logit is a mean of these with no negative weight, so where all agree it does too.
    val agreed = agreement(logits, offset, enlarger.source.width, tile)
    if (agreed == null) enlarger.enlarge(logits, offset, tile)
    for (y in tile.top until tile.bottom) {
        val row = y * columns
        if (agreed != null) {
            mask.fill(agreed, row + tile.left, row + tile.right)
            continue
        }
        val from = (y - tile.top) * tile.width - tile.left
        for (x in tile.left until tile.right) mask[row + x] = enlarger.values[from + x] > 0
    }
}

/** Whether all logits of a tile are above 0, or none; null where some are. */
private fun agreement(logits: FloatArray, offset: Int, width: Int, tile: Tile): Boolean? {
    val first = logits[offset + tile.sourceTop * width + tile.sourceLeft] > 0
    for (y in tile.sourceTop until tile.sourceBottom) {
        for (x in tile.sourceLeft until tile.sourceRight) {
            if (logits[offset + y * width + x] > 0 != first) return null
        }
    }
    return first
}
