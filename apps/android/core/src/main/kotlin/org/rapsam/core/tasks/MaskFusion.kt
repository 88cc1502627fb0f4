package org.rapsam.core.tasks

import kotlin.math.exp

/** A mask covers the pixels where its probability is at least this. */
private const val COVERED = 0.5f
private const val SLACK = 1e-4f

/**
 * Some of the maps of an array.
 *
 * @property maps Which maps, by their place.
 * @property scores One per map, positive.
 */
internal class Contenders(val logits: FloatArray, val maps: IntArray, val scores: FloatArray)

/**
 * Which of several masks each pixel of the original image goes to; rapsam/tasks/mask_fusion.py.
 *
 * Only masks that may matter to a tile are enlarged there: a mask stays between the smallest and the largest of its
 * logits that the tile reads, so one that can neither win a pixel nor cover one is left out. A video keeps one of these,
 * with its arrays, for all frames. Not for several threads at a time.
 */
class MaskFusion(source: Size, val geometry: Geometry) {
    private val enlarger = Enlarger(source, geometry)
    private val best = FloatArray(enlarger.values.size)
    private var bounds = FloatArray(0)

    /** Size of the maps that it takes. */
    val source: Size get() = enlarger.source

    /** (h0, w0) place of the mask with the largest score times probability; the first of equals. */
    internal val winners = IntArray(geometry.original.area)

    /** (h0, w0) whether the winner covers the pixel. */
    internal val confident = BooleanArray(geometry.original.area)

    /** (N) pixels won. */
    internal var won = IntArray(0)
        private set

    /** (N) pixels covered, won or not. */
    internal var own = IntArray(0)
        private set

    /** Assigns every pixel of the original image to one of the masks; there is at least one. */
    internal fun fuse(masks: Contenders) {
        val count = masks.maps.size
        won = IntArray(count)
        own = IntArray(count)
        if (bounds.size < 2 * count) bounds = FloatArray(2 * count)
        winners.fill(0)
        confident.fill(false)
        for (tile in enlarger.tiles) {
            best.fill(Float.NEGATIVE_INFINITY)
            val bar = findBounds(masks, tile)
            for (mask in 0 until count) {
                val highest = bounds[2 * mask + 1]
                if (masks.scores[mask] * highest < bar && highest < COVERED - SLACK) continue
                enlarger.enlarge(masks.logits, masks.maps[mask] * source.area, tile)
                contend(mask, masks.scores, tile)
            }
            countWinners(tile)
        }
    }

    /** Finds the lowest and the highest probability of every mask in a tile; returns what wins a pixel at least. */
    private fun findBounds(masks: Contenders, tile: Tile): Float {
        var bar = 0f
        for (mask in masks.maps.indices) {
            var low = Float.POSITIVE_INFINITY
            var high = Float.NEGATIVE_INFINITY
            for (y in tile.sourceTop until tile.sourceBottom) {
                val row = (masks.maps[mask] * source.height + y) * source.width
                for (x in row + tile.sourceLeft until row + tile.sourceRight) {
                    val logit = masks.logits[x]
                    if (logit < low) low = logit
                    if (logit > high) high = logit
                }
            }
            bounds[2 * mask] = 1 / inverseProbability(low)
            bounds[2 * mask + 1] = 1 / inverseProbability(high)
            bar = maxOf(bar, masks.scores[mask] * bounds[2 * mask])
        }
        return bar * (1 - SLACK)
    }

    /** Lets a mask win pixels of the tile that was enlarged. */
    private fun contend(mask: Int, scores: FloatArray, tile: Tile) {
        val score = scores[mask]
        val behind = clearlyBehind(score, scores)
        val values = enlarger.values
        val width = geometry.original.width
        var covered = 0
        var i = 0
        for (y in tile.top until tile.bottom) {
            for (place in y * width + tile.left until y * width + tile.right) {
                val logit = values[i]
                val before = best[i]
                if (logit >= before - behind || logit >= -behind) {
                    val covers = coversAt(logit)
                    if (covers) covered++
                    if (before == Float.NEGATIVE_INFINITY || wins(logit, score, before, scores[winners[place]])) {
                        best[i] = logit
                        winners[place] = mask
                        confident[place] = covers
                    }
                }
                i++
            }
        }
        own[mask] += covered
    }

    private fun countWinners(tile: Tile) {
        val width = geometry.original.width
        for (y in tile.top until tile.bottom) {
            for (place in y * width + tile.left until y * width + tile.right) won[winners[place]]++
        }
    }
}

/** 1 + exp(-logit) in float32; infinity stands for a probability of 0. */
private fun inverseProbability(logit: Float): Float = exp(-logit.toDouble()).toFloat() + 1

/** Whether the probability of a logit, as float32 has it, is at least [COVERED]. */
private fun coversAt(logit: Float): Boolean =
    logit >= 0 || (logit > -SLACK && inverseProbability(logit) <= 1 / COVERED)

/** A logit that lies so much below 0 and below the winner's neither wins nor covers; see [wins]. */
private fun clearlyBehind(score: Float, scores: FloatArray): Float {
    var lowest = score
    for (other in scores) lowest = minOf(lowest, other)
    return 2 * (score / lowest * (1 + SLACK) - 1)
}

/**
 * Tells whether one score times probability is the larger one, with exponentials only where they decide.
 *
 * Below a logit of 0 the logarithm of the probability rises by at least 0.5 per 1, so logits that are d apart there have
 * probabilities at a ratio of at least exp(d / 2), which is more than 1 + d / 2.
 */
private fun wins(logit: Float, score: Float, bestLogit: Float, bestScore: Float): Boolean {
    if (logit <= bestLogit) {
        if (score <= bestScore) return false
        val apart = minOf(bestLogit, 0f) - logit
        if (logit < 0 && score * (1 + SLACK) < bestScore * (1 + apart / 2)) return false
    } else if (bestLogit < 0) {
        val apart = minOf(logit, 0f) - bestLogit
        if (score * (1 + apart / 2) > bestScore * (1 + SLACK)) return true
    }
    return score / inverseProbability(logit) > bestScore / inverseProbability(bestLogit)
}
