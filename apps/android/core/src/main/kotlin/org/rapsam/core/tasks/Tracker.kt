package org.rapsam.core.tasks

import kotlin.math.sqrt
import org.rapsam.core.Problem

private const val SMALLEST_LENGTH = 1.17549435e-38f

/**
 * A frame whose queries are in the order of the first frame.
 *
 * @property classLogits (N, K+1), mean of this frame and all before.
 * @property queries (N, C).
 * @property maskLogits (N, h, w).
 * @property order (N) place i holds the frame's own query `order[i]`.
 */
class AssociatedFrame(val classLogits: Tensor, val queries: Tensor, val maskLogits: Tensor, val order: IntArray)

/**
 * Finds which current query continues which previous one: Hungarian matching of 1 - cosine; rapsam/tasks/tracker.py.
 *
 * @param previous (N, C).
 * @param current (N, C).
 * @return (N) `current[result]` is in the order of `previous`.
 * @throws Problem If the shapes differ or a value is not finite.
 */
fun matchQueries(previous: Tensor, current: Tensor): IntArray {
    if (previous.shape.size != 2 || previous.shape != current.shape) {
        throw Problem(
            "queries have the shapes ${previous.shape} and ${current.shape}; expected (queries, channels) twice: " +
                "export the bundle again",
        )
    }
    checkFinite("queries", previous.data)
    checkFinite("queries", current.data)
    val (count, channels) = previous.shape
    val before = ofUnitLength(previous)
    val now = ofUnitLength(current)
    val cost = FloatArray(count * count) { at ->
        val row = at / count * channels
        val column = at % count * channels
        var cosine = 0.0
        for (i in 0 until channels) cosine += before[row + i].toDouble() * now[column + i]
        1 - cosine.toFloat()
    }
    return cheapestAssignment(cost, count)
}

/** Puts the queries of frame after frame into one order; remembers the queries of a single frame. */
class NearOnlineTracker {
    private var queries: Tensor? = null
    private var sum = DoubleArray(0)
    private var frames = 0

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
        val count = classLogits.shape[0]
        val before = this.queries
        if (queries.shape[0] != count || (before != null && sum.size != classLogits.data.size)) {
            throw Problem(
                "class logits have the shape ${classLogits.shape} beside ${queries.shape[0]} queries; expected the " +
                    "same queries and classes in every output and frame: export the bundle again",
            )
        }
        val order = if (before == null) IntArray(count) { it } else matchQueries(before, queries)
        val ordered = inOrder(queries, order)
        this.queries = ordered
        return AssociatedFrame(meanWith(inOrder(classLogits, order)), ordered, inOrder(maskLogits, order), order)
    }

    private fun meanWith(classLogits: Tensor): Tensor {
        if (frames == 0) sum = DoubleArray(classLogits.data.size)
        frames++
        for (i in sum.indices) sum[i] += classLogits.data[i].toDouble()
        return Tensor(FloatArray(sum.size) { (sum[it] / frames).toFloat() }, classLogits.shape)
    }
}

/** The entries along the first axis in another order. */
private fun inOrder(tensor: Tensor, order: IntArray): Tensor {
    val step = tensor.data.size / order.size
    val data = FloatArray(tensor.data.size)
    for ((to, from) in order.withIndex()) tensor.data.copyInto(data, to * step, from * step, (from + 1) * step)
    return Tensor(data, tensor.shape)
}

private fun ofUnitLength(vectors: Tensor): FloatArray {
    val (count, channels) = vectors.shape
    val found = FloatArray(count * channels)
    for (row in 0 until count) {
        var squares = 0.0
        for (i in row * channels until (row + 1) * channels) squares += vectors.data[i].toDouble() * vectors.data[i]
        val length = maxOf(sqrt(squares.toFloat()), SMALLEST_LENGTH)
        for (i in row * channels until (row + 1) * channels) found[i] = vectors.data[i] / length
    }
    return found
}
