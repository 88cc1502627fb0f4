package org.rapsam.core.tasks

/**
 * @property topK Pairs of query and class to look at.
 * @property minScore Instances below are left out.
 */
data class Limits(val topK: Int, val minScore: Double)

/**
 * @property score Class probability times mean mask probability, 0..1.
 * @property label Index of the class.
 * @property sight Where it is. Instances of one query share it.
 */
class Instance(val score: Float, val label: Int, val query: Int, val sight: Sight) {
    /** (h0, w0). */
    val mask: BooleanArray get() = sight.mask
}

/**
 * The most probable pairs of query and class, in falling order, without those of stuff; rapsam/tasks/instances.py.
 * A video keeps one for all frames.
 *
 * @param numThings The first classes that are things; the others are dropped after the top k.
 */
internal class RankedPairs(private val numThings: Int, private val topK: Int) {
    private var softened = FloatArray(0)
    private var places = IntArray(0)
    private var ranked = FloatArray(0)

    /** Pairs. */
    var count = 0
        private set
    private var columns = 1

    fun query(pair: Int): Int = places[pair] / columns

    fun label(pair: Int): Int = places[pair] % columns

    fun probability(pair: Int): Float = ranked[pair]

    /**
     * Picks them anew; equals keep the queries' order.
     *
     * @param classLogits (N, K+1), void last.
     */
    fun rank(classLogits: Tensor) {
        columns = classLogits.shape[1]
        val most = minOf(topK, classLogits.shape[0] * (columns - 1))
        if (softened.size != classLogits.data.size || places.size != most) {
            softened = FloatArray(classLogits.data.size)
            places = IntArray(most)
            ranked = FloatArray(most)
        }
        softmax(classLogits, softened)
        count = 0
        for (place in softened.indices) if (place % columns != columns - 1) insert(place, softened[place])
        dropStuff()
    }

    private fun insert(place: Int, probability: Float) {
        if (count == places.size && (count == 0 || probability <= ranked[count - 1])) return
        var at = if (count < places.size) count++ else count - 1
        while (at > 0 && ranked[at - 1] < probability) {
            ranked[at] = ranked[at - 1]
            places[at] = places[at - 1]
            at--
        }
        ranked[at] = probability
        places[at] = place
    }

    private fun dropStuff() {
        var kept = 0
        for (pair in 0 until count) {
            if (label(pair) >= numThings) continue
            places[kept] = places[pair]
            ranked[kept++] = ranked[pair]
        }
        count = kept
    }
}

/** Masks that come to nothing are kept for others; more of them are let go. */
private const val MOST_SPARE = 8

/**
 * Where the queries of a frame are, each of them cut out once, when it is asked for. A video keeps one for all frames.
 */
internal class Sights(private val enlarger: Enlarger, private val queries: Int) {
    private val size = enlarger.geometry.original
    private val source = enlarger.source
    private val known = arrayOfNulls<Sight>(queries)
    private val spare = ArrayList<BooleanArray>()

    /** Whether they fit a frame. */
    fun fits(maskLogits: Tensor, geometry: Geometry): Boolean {
        val (count, height, width) = maskLogits.shape
        return enlarger.geometry == geometry && count == queries && height == source.height && width == source.width
    }

    /** Forgets the frame; what is reported of it stays as it is. */
    fun begin() {
        for (sight in known) if (sight != null && !sight.isReported && spare.size < MOST_SPARE) spare += sight.mask
        known.fill(null)
    }

    /**
     * The sight of one of the frame's own queries.
     *
     * @param logits (N, h, w).
     */
    fun of(query: Int, logits: FloatArray): Sight = known[query] ?: cut(query, logits).also { known[query] = it }

    private fun cut(query: Int, logits: FloatArray): Sight {
        val sight = Sight(spare.removeLastOrNull()?.apply { fill(false) } ?: BooleanArray(size.area), size)
        for (tile in enlarger.tiles) {
            enlarger.enlarge(logits, query * source.area, tile)
            for (y in tile.top until tile.bottom) sight.lookAt(y, tile, enlarger.values)
        }
        return sight
    }
}

/**
 * A mask at the original size, the box around it, and its mean probability inside.
 *
 * @property mask (h0, w0).
 */
class Sight internal constructor(val mask: BooleanArray, private val size: Size) {
    private var left = size.width
    private var top = size.height
    private var right = 0
    private var bottom = 0
    private var sum = 0.0

    /** Whether somebody outside looks at it, so that its mask must stay as it is. */
    internal var isReported = false

    /** Pixels of the mask. */
    var area = 0
        private set

    /** x1, y1, x2, y2, ends exclusive; zeros for an empty mask. */
    val box: List<Int> get() = if (area == 0) listOf(0, 0, 0, 0) else listOf(left, top, right, bottom)

    /** Mean over the mask, 0..1. */
    val probability: Float get() = sum.toFloat() / (area.toFloat() + 1e-6f)

    internal fun lookAt(y: Int, tile: Tile, values: FloatArray) {
        for (x in tile.left until tile.right) {
            val logit = values[(y - tile.top) * tile.width + x - tile.left]
            if (!(logit > 0)) continue
            mask[y * size.width + x] = true
            area++
            sum += sigmoid(logit)
            left = minOf(left, x)
            right = maxOf(right, x + 1)
            top = minOf(top, y)
            bottom = maxOf(bottom, y + 1)
        }
    }

    /** Whether the intersection of two masks over their union is at least so much; nothing overlaps nothing. */
    internal fun overlaps(other: Sight, threshold: Double): Boolean {
        val areas = area + other.area
        val rows = maxOf(top, other.top) until minOf(bottom, other.bottom)
        val columns = maxOf(left, other.left) until minOf(right, other.right)
        // Boxes say what the overlap is at most, so that few masks have to be compared.
        val most = maxOf(rows.last - rows.first + 1, 0) * maxOf(columns.last - columns.first + 1, 0)
        if (iou(most, areas) < threshold) return false
        var both = 0
        for (y in rows) {
            for (place in y * size.width + columns.first..y * size.width + columns.last) {
                if (mask[place] && other.mask[place]) both++
            }
        }
        return iou(both, areas) >= threshold
    }
}

/** From the intersection and the sum of both areas; 0 of nothing. */
private fun iou(both: Int, areas: Int): Double = when {
    areas > both -> both.toDouble() / (areas - both)
    else -> if (areas > 0) 1.0 else 0.0
}
