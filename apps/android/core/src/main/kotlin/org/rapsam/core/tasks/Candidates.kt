package org.rapsam.core.tasks

/** How far the threshold of 0 is moved up and down to see how much of a mask depends on it. */
private const val STABILITY_OFFSET = 1f

/**
 * Chooses a candidate mask for each prompt; rapsam/tasks/candidates.py.
 *
 * @param scores (K, M) predicted IoU or stability of the candidates.
 * @param ambiguous (K) which prompts mean the best of several; the others mean `single`, if there is one.
 * @param single Null if all are meant alike.
 * @return (K) the first of equals.
 */
fun chosenCandidates(scores: FloatArray, ambiguous: List<Boolean>, single: Int?): IntArray {
    val count = scores.size / ambiguous.size
    return IntArray(ambiguous.size) { prompt ->
        if (single != null && !ambiguous[prompt]) {
            single
        } else {
            (0 until count).filter { it != single }.maxBy { scores[prompt * count + it] }
        }
    }
}

/**
 * Measures how little masks change when their threshold moves: pixels of the original image above +1, by those above -1.
 *
 * @param maskLogits (N, h, w) at any stride of the padded input.
 * @return (N), 0..1; 0 for a mask without any pixel above -1.
 * @throws org.rapsam.core.Problem If a value is not finite.
 */
fun stabilityScores(maskLogits: Tensor, geometry: Geometry): FloatArray =
    stabilityOf(maskLogits, geometry, 0 until maskLogits.shape[0])

/**
 * Measures the stability of those candidates among which [chosenCandidates] chooses.
 *
 * @param maskLogits (K * M, h, w) at any stride of the padded input.
 * @param ambiguous (K); see there, as for `single`.
 * @return (K, M), 0..1; 0 for all that are not asked for.
 * @throws org.rapsam.core.Problem If a value is not finite.
 */
fun stabilityToChoose(maskLogits: Tensor, geometry: Geometry, ambiguous: List<Boolean>, single: Int?): FloatArray {
    val count = maskLogits.shape[0] / ambiguous.size
    val asked = (0 until maskLogits.shape[0]).filter { single == null || ambiguous[it / count] && it % count != single }
    return stabilityOf(maskLogits, geometry, asked)
}

/** @return (N); 0 for the masks that are not asked for. */
private fun stabilityOf(maskLogits: Tensor, geometry: Geometry, asked: Iterable<Int>): FloatArray {
    checkFinite("mask logits", maskLogits.data)
    val (count, height, width) = maskLogits.shape
    val enlarger by lazy { Enlarger(Size(height, width), geometry) }
    val scores = FloatArray(count)
    for (map in asked) scores[map] = stability(maskLogits.data, map * height * width, enlarger)
    return scores
}

private fun stability(maskLogits: FloatArray, offset: Int, enlarger: Enlarger): Float {
    var core = 0
    var reach = 0
    for (tile in enlarger.tiles) {
        enlarger.enlarge(maskLogits, offset, tile)
        for (i in 0 until (tile.bottom - tile.top) * tile.width) {
            if (enlarger.values[i] > STABILITY_OFFSET) core++
            if (enlarger.values[i] > -STABILITY_OFFSET) reach++
        }
    }
    return (core.toDouble() / maxOf(reach, 1)).toFloat()
}
