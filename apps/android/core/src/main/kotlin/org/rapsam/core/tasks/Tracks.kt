package org.rapsam.core.tasks

/** An instance of one frame, and the number of its object from 1: it keeps it through all frames. */
class TrackedInstance(val instance: Instance, val trackId: Int)

/** Numbers every pair of query and class, from 1 in the order of first appearance; rapsam/tasks/video.py. */
class TrackNumbers {
    private val numbers = ArrayList<IntArray>()
    private var given = 0

    /** The number of a pair. */
    fun of(query: Int, label: Int): Int {
        while (numbers.size <= query) numbers += IntArray(0)
        if (numbers[query].size <= label) numbers[query] = numbers[query].copyOf(label + 1)
        val row = numbers[query]
        if (row[label] == 0) row[label] = ++given
        return row[label]
    }
}

/**
 * Finds the tracked instances of associated frames, in falling order of score, equal ones by class; `video_instances` of
 * rapsam/tasks/video.py. A video keeps one for all frames. Not for several threads at a time.
 *
 * @param numThings The first classes that are things.
 */
class TrackFinder(numThings: Int, private val limits: Limits) {
    private val pairs = RankedPairs(numThings, limits.topK)
    private val numbers = TrackNumbers()
    private var sights: Sights? = null

    /** @param geometry Of the frame; as long as it stays the same, arrays are used again. */
    fun find(frame: AssociatedFrame, geometry: Geometry): List<TrackedInstance> {
        pairs.rank(frame.classLogits)
        val cut = sightsFor(frame.maskLogits, geometry)
        val found = ArrayList<TrackedInstance>()
        for (pair in 0 until pairs.count) {
            val number = numbers.of(pairs.query(pair), pairs.label(pair))
            if (pairs.probability(pair) < limits.minScore) continue
            instanceOf(pair, frame, cut)?.let { found += TrackedInstance(it, number) }
        }
        found.sortWith(BY_SCORE)
        return found
    }

    private fun sightsFor(maskLogits: Tensor, geometry: Geometry): Sights {
        val (count, height, width) = maskLogits.shape
        val kept = sights?.takeIf { it.fits(maskLogits, geometry) }
        val now = kept ?: Sights(Enlarger(Size(height, width), geometry), count).also { sights = it }
        now.begin()
        return now
    }

    /** Null for one whose mask is so unsure that its score is too low. */
    private fun instanceOf(pair: Int, frame: AssociatedFrame, cut: Sights): Instance? {
        val query = pairs.query(pair)
        val sight = cut.of(frame.order[query], frame.maskLogits.data)
        val score = pairs.probability(pair) * sight.probability
        if (limits.minScore > 0 && score < limits.minScore) return null
        sight.isReported = true
        return Instance(score, pairs.label(pair), query, sight)
    }

    private companion object {
        val BY_SCORE = compareByDescending<TrackedInstance> { it.instance.score }.thenBy { it.instance.label }
    }
}

/** Tracks whose masks overlap by this much are one object; where it was measured stands in rapsam/tasks/duplicates.py. */
const val SAME_OBJECT_IOU = 0.7

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
            if (kept.none { track.instance.sight.overlaps(it.instance.sight, sameObjectIou) }) kept += track
        }
        for (track in kept) reported += track.trackId
        return frame.filter { it in kept }
    }
}
