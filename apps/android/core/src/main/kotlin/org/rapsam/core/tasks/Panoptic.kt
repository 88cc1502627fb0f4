package org.rapsam.core.tasks

/** A thing has the map value class + 1000 * instance, a stuff class its class, void the class count. */
const val INSTANCE_STEP = 1000

/**
 * One object, or all of a material.
 *
 * @property id Its value in the map.
 * @property isThing Whether it is one object (thing) or all of a material (stuff).
 * @property score Class probability of its query, 0..1.
 * @property area Pixels at the original size.
 * @property query Index of its query; stuff painted by several queries names the best one.
 */
data class Segment(
    val id: Int,
    val classIndex: Int,
    val isThing: Boolean,
    val score: Float,
    val area: Int,
    val query: Int,
) {
    /** Number among the things of the image, from 0; 0 for stuff. */
    val instance: Int get() = maxOf(id / INSTANCE_STEP - 1, 0)
}

/**
 * @property map (h0, w0).
 * @property segments One per value of the map but void, in the order of painting.
 * @property void Value of the pixels that belong to no segment.
 */
class PanopticResult(val map: IntArray, val size: Size, val segments: List<Segment>, val void: Int)

/**
 * @property score A query needs a larger class probability than this.
 * @property overlap A query needs to win at least this share of its own mask.
 */
data class Thresholds(val score: Double, val overlap: Double)

/** Queries that passed the score threshold, in their order. */
private class Candidates(val queries: IntArray, val classes: IntArray, val scores: FloatArray)

/**
 * Fuses the queries of one image into a panoptic map; rapsam/tasks/panoptic.py.
 *
 * @param classLogits (N, K+1), void last.
 * @param maskLogits (N, h, w) at any stride of the padded input.
 * @param numThings The first classes that are things.
 * @param fusion Kept from frame to frame by a video, whose sizes stay the same.
 * @throws org.rapsam.core.Problem If the logits do not fit each other or are not finite.
 */
fun panopticSegmentation(
    classLogits: Tensor,
    maskLogits: Tensor,
    geometry: Geometry,
    numThings: Int,
    thresholds: Thresholds,
    fusion: MaskFusion = MaskFusion(Size(maskLogits.shape[1], maskLogits.shape[2]), geometry),
): PanopticResult {
    checkLogits(classLogits, maskLogits, numThings)
    require(fusion.geometry == geometry && fusion.source == Size(maskLogits.shape[1], maskLogits.shape[2]))
    val void = classLogits.shape[1] - 1
    val size = geometry.original
    val map = IntArray(size.area)
    map.fill(void)
    val candidates = select(classLogits, thresholds.score)
    if (candidates.queries.isEmpty()) return PanopticResult(map, size, emptyList(), void)
    fusion.fuse(Contenders(maskLogits.data, candidates.queries, candidates.scores))
    val values = mapValues(candidates, fusion, numThings, void, thresholds.overlap)
    val areas = IntArray(values.size)
    for (i in map.indices) {
        if (!fusion.confident[i]) continue
        val winner = fusion.winners[i]
        map[i] = values[winner]
        areas[winner]++
    }
    return PanopticResult(map, size, segmentsOf(candidates, values, areas, numThings, void), void)
}

private fun select(classLogits: Tensor, scoreThreshold: Double): Candidates {
    val (rows, columns) = classLogits.shape
    val probabilities = softmax(classLogits)
    val classes = IntArray(rows) { query ->
        val start = query * columns
        (0 until columns).maxBy { probabilities[start + it] }
    }
    val chosen = (0 until rows).filter { query ->
        classes[query] != columns - 1 && probabilities[query * columns + classes[query]] > scoreThreshold
    }
    return Candidates(
        chosen.toIntArray(),
        IntArray(chosen.size) { classes[chosen[it]] },
        FloatArray(chosen.size) { probabilities[chosen[it] * columns + classes[chosen[it]]] },
    )
}

/** The map value of every candidate: void for one that lost too much of its own mask. */
private fun mapValues(
    candidates: Candidates,
    fusion: MaskFusion,
    numThings: Int,
    void: Int,
    overlap: Double,
): IntArray {
    var instances = 0
    return IntArray(candidates.classes.size) { candidate ->
        val won = fusion.won[candidate]
        val own = fusion.own[candidate]
        val label = candidates.classes[candidate]
        when {
            won == 0 || own == 0 || won.toDouble() / own < overlap -> void
            label < numThings -> label + ++instances * INSTANCE_STEP
            else -> label
        }
    }
}

private fun segmentsOf(
    candidates: Candidates,
    values: IntArray,
    areas: IntArray,
    numThings: Int,
    void: Int,
): List<Segment> {
    val segments = LinkedHashMap<Int, Segment>()
    for ((candidate, id) in values.withIndex()) {
        if (id == void || areas[candidate] == 0) continue
        val label = candidates.classes[candidate]
        val score = candidates.scores[candidate]
        val found = Segment(id, label, label < numThings, score, areas[candidate], candidates.queries[candidate])
        segments[id] = segments[id]?.let { merged(it, found) } ?: found
    }
    return segments.values.toList()
}

private fun merged(first: Segment, second: Segment): Segment {
    val best = if (first.score >= second.score) first else second
    return best.copy(area = first.area + second.area)
}
