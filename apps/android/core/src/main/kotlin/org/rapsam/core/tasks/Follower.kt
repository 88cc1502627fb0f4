package org.rapsam.core.tasks

/** As in rapsam/inference/segmenter.py. */
private const val MIN_SCORE = 0.5

/**
 * The objects of one video, followed from frame to frame as `track` of rapsam/inference/segmenter.py does it. Beside what it
 * returns it makes next to nothing anew while frames keep their size. Not for several threads at a time.
 *
 * @param numThings The first classes that are things.
 * @param topK Candidates of a frame.
 */
class Follower(numThings: Int, topK: Int) {
    private val tracker = NearOnlineTracker()
    private val finder = TrackFinder(numThings, Limits(topK, MIN_SCORE))
    private val distinct = DistinctTracks(SAME_OBJECT_IOU)

    /**
     * Takes the next frame.
     *
     * @param classLogits (N, K+1), void last.
     * @param queries (N, C).
     * @param maskLogits (N, h, w) at any stride of the padded input.
     * @return In falling order of score; of several on one object, one.
     * @throws org.rapsam.core.Problem If they do not fit each other or the frames before, or are not finite.
     */
    fun next(classLogits: Tensor, queries: Tensor, maskLogits: Tensor, geometry: Geometry): List<TrackedInstance> {
        val found = finder.find(tracker.update(classLogits, queries, maskLogits), geometry)
        val kept = distinct.of(found)
        for (track in found) track.instance.sight.isReported = false
        for (track in kept) track.instance.sight.isReported = true
        return kept
    }
}
