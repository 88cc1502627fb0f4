package org.rapsam.core.tasks

/** A query, a thing class and the probability of that class. */
internal class ScoredPair(val query: Int, val label: Int, val probability: Float)

/**
 * @property topK Pairs of query and class to keep.
 * @property minScore Instances below are left out.
 */
data class Limits(val topK: Int, val minScore: Double)

/**
 * @property score Class probability times mean mask probability, 0..1.
 * @property label Index of the class.
 * @property box x1, y1, x2, y2, ends exclusive; zeros for an empty mask.
 * @property mask (h0, w0). Instances of one query share it.
 */
class Instance(val score: Float, val label: Int, val query: Int, val box: List<Int>, val mask: BooleanArray)

/**
 * Finds the instances of one image, in falling order of score; rapsam/tasks/instances.py.
 *
 * @param classLogits (N, K+1), void last.
 * @param maskLogits (N, h, w) at any stride of the padded input.
 * @param numThings The first classes that are things; stuff classes are dropped after the top k.
 * @throws org.rapsam.core.Problem If the logits do not fit each other or are not finite.
 */
fun instanceSegmentation(
    classLogits: Tensor,
    maskLogits: Tensor,
    geometry: Geometry,
    numThings: Int,
    limits: Limits,
): List<Instance> {
    checkLogits(classLogits, maskLogits, numThings)
    val pairs = rankPairs(classLogits, numThings, limits.topK)
    return byScore(maskedInstances(pairs, maskLogits, geometry, limits.minScore))
}

/** Picks the most probable pairs of query and class, then drops those of stuff; equals keep the queries' order. */
internal fun rankPairs(classLogits: Tensor, numThings: Int, topK: Int): List<ScoredPair> {
    val (rows, columns) = classLogits.shape
    val probabilities = softmax(classLogits)
    val pairs = ArrayList<ScoredPair>(rows * (columns - 1))
    for (query in 0 until rows) {
        for (label in 0 until columns - 1) pairs += ScoredPair(query, label, probabilities[query * columns + label])
    }
    pairs.sortByDescending { it.probability }
    return pairs.take(topK).filter { it.label < numThings }
}

/** Adds to every pair its mask, its box and its score, in the order of the pairs; each query is enlarged once. */
internal fun maskedInstances(
    pairs: List<ScoredPair>,
    maskLogits: Tensor,
    geometry: Geometry,
    minScore: Double,
): List<Instance> {
    val enlarger = Enlarger(Size(maskLogits.shape[1], maskLogits.shape[2]), geometry)
    val seen = HashMap<Int, Sight>()
    return pairs.filter { it.probability >= minScore }.mapNotNull { pair ->
        val sight = seen.getOrPut(pair.query) { Sight(enlarger, maskLogits.data, pair.query) }
        val score = pair.probability * sight.probability
        if (minScore > 0 && score < minScore) null else Instance(score, pair.label, pair.query, sight.box, sight.mask)
    }
}

/** In falling order of score, equal ones by class. */
internal fun byScore(instances: List<Instance>): List<Instance> =
    instances.sortedWith(compareByDescending<Instance> { it.score }.thenBy { it.label })

/** The mask of a query at the original size, the box around it, and its mean probability inside. */
private class Sight(enlarger: Enlarger, logits: FloatArray, query: Int) {
    private val size = enlarger.geometry.original
    private var left = size.width
    private var top = size.height
    private var right = 0
    private var bottom = 0
    private var inside = 0
    private var sum = 0.0

    val mask = BooleanArray(size.area)
    val box: List<Int>
    val probability: Float

    init {
        for (tile in enlarger.tiles) {
            enlarger.enlarge(logits, query * enlarger.source.area, tile)
            for (y in tile.top until tile.bottom) lookAt(y, tile, enlarger.values)
        }
        box = if (inside == 0) listOf(0, 0, 0, 0) else listOf(left, top, right, bottom)
        probability = sum.toFloat() / (inside.toFloat() + 1e-6f)
    }

    private fun lookAt(y: Int, tile: Tile, values: FloatArray) {
        for (x in tile.left until tile.right) {
            val logit = values[(y - tile.top) * tile.width + x - tile.left]
            if (!(logit > 0)) continue
            mask[y * size.width + x] = true
            inside++
            sum += sigmoid(logit)
            left = minOf(left, x)
            right = maxOf(right, x + 1)
            top = minOf(top, y)
            bottom = maxOf(bottom, y + 1)
        }
    }
}
