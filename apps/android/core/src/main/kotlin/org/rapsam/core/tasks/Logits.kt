package org.rapsam.core.tasks

import kotlin.math.exp
import org.rapsam.core.Problem

/** Classes at most: the panoptic map holds class + 1000 * instance. */
private const val MAX_CLASSES = 999
private const val LARGEST_LOGIT = 80f

/**
 * Checks that the two outputs of a graph fit each other and are finite; rapsam/tasks/logits.py.
 *
 * @param classLogits (N, K+1).
 * @param maskLogits (N, h, w).
 * @param numThings How many of the K classes are things; they come first.
 * @throws Problem If not.
 */
internal fun checkLogits(classLogits: Tensor, maskLogits: Tensor, numThings: Int) {
    val columns = classLogits.shape.getOrElse(1) { 0 }
    if (classLogits.shape.size != 2 || columns !in 2..MAX_CLASSES + 1) {
        throw Problem(
            "class logits have the shape ${classLogits.shape}; expected (queries, classes + 1) with 1 to " +
                "$MAX_CLASSES classes: export the bundle again",
        )
    }
    val queries = classLogits.shape[0]
    if (maskLogits.shape.size != 3 || maskLogits.shape[0] != queries || 0 in maskLogits.shape.drop(1)) {
        throw Problem(
            "mask logits have the shape ${maskLogits.shape}; expected 3 axes, the first of $queries queries as in " +
                "the class logits: export the bundle again",
        )
    }
    if (numThings !in 0 until columns) {
        throw Problem("$numThings thing classes for logits of ${columns - 1} classes; export the bundle again")
    }
    checkFinite("class logits", classLogits.data)
    checkFinite("mask logits", maskLogits.data)
}

/** Throws a [Problem] if an output of a graph holds NaN or infinity, as after an fp16 overflow. */
internal fun checkFinite(name: String, values: FloatArray) {
    // Nothing but NaN and infinity times 0 is other than 0.
    var sum = 0f
    for (value in values) sum += value * 0f
    if (sum != 0f) {
        val count = values.count { !it.isFinite() }
        throw Problem(
            "the network's $name hold $count NaN or infinite values; take another compute unit, or export the bundle " +
                "at fp32",
        )
    }
}

/**
 * Turns logits into probabilities over the last axis.
 *
 * @param logits (N, K).
 * @param found Where they go, as many.
 */
internal fun softmax(logits: Tensor, found: FloatArray = FloatArray(logits.data.size)): FloatArray {
    val (rows, columns) = logits.shape
    for (row in 0 until rows) {
        val start = row * columns
        var highest = Float.NEGATIVE_INFINITY
        for (i in start until start + columns) highest = maxOf(highest, logits.data[i])
        var sum = 0.0
        for (i in start until start + columns) {
            found[i] = exp((logits.data[i] - highest).toDouble()).toFloat()
            sum += found[i]
        }
        val whole = sum.toFloat()
        for (i in start until start + columns) found[i] /= whole
    }
    return found
}

/** Probability of a logit, in float32 and without overflow. */
internal fun sigmoid(logit: Float): Float {
    val clipped = logit.coerceIn(-LARGEST_LOGIT, LARGEST_LOGIT)
    return 1 / (1 + exp(-clipped.toDouble()).toFloat())
}
