package org.rapsam.core.tasks

import kotlin.math.sqrt
import org.rapsam.core.Problem

private const val SMALLEST_LENGTH = 1.17549435e-38f

/**
 * A frame whose queries are in the order of the first frame. Valid until the next one is taken.
 *
 * @property classLogits (N, K+1), mean of this frame and all before, in that order.
 * @property maskLogits (N, h, w), in the frame's own order.
 * @property order (N) place i holds the frame's own query `order[i]`.
 */
class AssociatedFrame(val classLogits: Tensor, val maskLogits: Tensor, val order: IntArray)

/**
 * Finds which current query continues which previous one: Hungarian matching of 1 - cosine; rapsam/tasks/tracker.py.
 * A video keeps one for all frames.
 *
 * @param shape Of the queries: (N, C).
 */
class QueryMatcher(private val shape: List<Int>) {
    private val count = shape[0]
    private val channels = shape[1]
    private val assignment = Assignment(count)
    private val before = FloatArray(count * channels)
    private val now = FloatArray(count * channels)

    /**
     * @param previous (N, C).
     * @param current (N, C).
     * @return (N) `current[result]` is in the order of `previous`; valid until the next call.
     * @throws Problem If the shapes differ or a value is not finite.
     */
    fun match(previous: Tensor, current: Tensor): IntArray {
        if (previous.shape != shape || current.shape != shape) {
            throw Problem(
                "queries have the shapes ${previous.shape} and ${current.shape}; expected $shape twice: export the " +
                    "bundle again",
            )
        }
        checkFinite("queries", previous.data)
        checkFinite("queries", current.data)
        ofUnitLength(previous.data, before)
        ofUnitLength(current.data, now)
        for (row in 0 until count) {
            for (column in 0 until count) assignment.cost[row * count + column] = 1 - cosine(row, column)
        }
        return assignment.find()
    }

    private fun cosine(row: Int, column: Int): Float {
        var sum = 0.0
        for (i in 0 until channels) sum += before[row * channels + i].toDouble() * now[column * channels + i]
        return sum.toFloat()
    }

    private fun ofUnitLength(vectors: FloatArray, target: FloatArray) {
        for (row in 0 until count) {
            val start = row * channels
            var squares = 0.0
            for (i in start until start + channels) squares += vectors[i].toDouble() * vectors[i]
            val length = maxOf(sqrt(squares.toFloat()), SMALLEST_LENGTH)
            for (i in start until start + channels) target[i] = vectors[i] / length
        }
    }
}

/** Puts the queries of frame after frame into one order; remembers the queries of a single frame. */
class NearOnlineTracker {
    private var kept: Kept? = null

    /** What stays from frame to frame, made at the first one. */
    private class Kept(classLogits: Tensor, queries: Tensor) {
        val matcher = QueryMatcher(queries.shape)
        val queries = Tensor(FloatArray(queries.data.size), queries.shape)
        val sum = DoubleArray(classLogits.data.size)
        val mean = Tensor(FloatArray(sum.size), classLogits.shape)
        val first = IntArray(queries.shape[0]) { it }
        var frames = 0
    }

    /**
     * Takes the next frame.
     *
     * @param classLogits (N, K+1).
     * @param queries (N, C) final query embeddings.
     * @param maskLogits (N, h, w).
     * @return With the running mean of the class logits.
     * @throws Problem If the arrays do not fit each other or the frames before, or are not finite.
     */
    fun update(classLogits: Tensor, queries: Tensor, maskLogits: Tensor): AssociatedFrame {
        checkLogits(classLogits, maskLogits, 0)
        val before = kept
        val isOther = before != null && before.mean.shape != classLogits.shape
        if (queries.shape.size != 2 || queries.shape[0] != classLogits.shape[0] || isOther) {
            throw Problem(
                "class logits have the shape ${classLogits.shape} beside queries of ${queries.shape}; expected the same " +
                    "queries and classes in every output and frame: export the bundle again",
            )
        }
        // Also of the first frame: kept, it would be what all later ones are refused for.
        checkFinite("queries", queries.data)
        val now = before ?: Kept(classLogits, queries).also { kept = it }
        val order = if (now.frames == 0) now.first else now.matcher.match(now.queries, queries)
        copyInOrder(queries, order, now.queries.data)
        addInOrder(classLogits, order, now)
        return AssociatedFrame(now.mean, maskLogits, order)
    }

    private fun addInOrder(classLogits: Tensor, order: IntArray, now: Kept) {
        now.frames++
        val columns = classLogits.shape[1]
        for (row in order.indices) {
            for (column in 0 until columns) {
                val place = row * columns + column
                now.sum[place] += classLogits.data[order[row] * columns + column].toDouble()
                now.mean.data[place] = (now.sum[place] / now.frames).toFloat()
            }
        }
    }
}

/** Copies the entries along the first axis in another order. */
private fun copyInOrder(tensor: Tensor, order: IntArray, target: FloatArray) {
    val step = tensor.data.size / order.size
    for (to in order.indices) tensor.data.copyInto(target, to * step, order[to] * step, (order[to] + 1) * step)
}
