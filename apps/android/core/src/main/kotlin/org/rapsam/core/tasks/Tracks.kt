package org.rapsam.core.tasks

/** An instance of one frame, and the number of its object from 1: it keeps it through all frames. */
class TrackedInstance(val instance: Instance, val trackId: Int)

/** Numbers every pair of query and class, from 1 in the order of first appearance; rapsam/tasks/video.py. */
class TrackNumbers {
    private val numbers = HashMap<Pair<Int, Int>, Int>()

    /** The number of a pair. */
    fun of(query: Int, label: Int): Int = numbers.getOrPut(query to label) { numbers.size + 1 }
}

/**
 * Finds the tracked instances of an associated frame, in falling order of score.
 *
 * @param numThings The first classes that are things.
 * @param numbers The same for all frames of a video.
 */
fun trackedInstances(
    frame: AssociatedFrame,
    geometry: Geometry,
    numThings: Int,
    limits: Limits,
    numbers: TrackNumbers,
): List<TrackedInstance> {
    val pairs = rankPairs(frame.classLogits, numThings, limits.topK)
    for (pair in pairs) numbers.of(pair.query, pair.label)
    val found = byScore(maskedInstances(pairs, frame.maskLogits, geometry, limits.minScore))
    return found.map { TrackedInstance(it, numbers.of(it.query, it.label)) }
}

/**
 * Leaves tracks out that lie on the object of another, frame by frame; rapsam/tasks/duplicates.py, for clips of one frame.
 *
 * @param sameObjectIou Tracks whose masks overlap by this much are one object.
 */
class DistinctTracks(private val sameObjectIou: Double) {
    private val scores = HashMap<Int, Double>()
    private val reported = HashSet<Int>()

    /** Of two tracks on one object stays the one that was reported before; if both or none was, the surer one. */
    fun of(frame: List<TrackedInstance>): List<TrackedInstance> {
        for (track in frame) scores[track.trackId] = (scores[track.trackId] ?: 0.0) + track.instance.score
        val ranked = frame.sortedWith(
            compareByDescending<TrackedInstance> { it.trackId in reported }.thenByDescending { scores[it.trackId] },
        )
        val kept = ArrayList<TrackedInstance>()
        for (track in ranked) {
            if (kept.none { iou(track.instance.mask, it.instance.mask) >= sameObjectIou }) kept += track
        }
        for (track in kept) reported += track.trackId
        return frame.filter { it in kept }
    }
}

/** Intersection over union; 0 of nothing. */
fun iou(one: BooleanArray, other: BooleanArray): Double {
    var both = 0
    var either = 0
    for (i in one.indices) {
        if (one[i] && other[i]) both++
        if (one[i] || other[i]) either++
    }
    return if (either == 0) 0.0 else both.toDouble() / either
}
