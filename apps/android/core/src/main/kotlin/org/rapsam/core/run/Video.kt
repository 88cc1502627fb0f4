package org.rapsam.core.run

import org.rapsam.core.Problem
import org.rapsam.core.bundle.Role
import org.rapsam.core.bundle.Task
import org.rapsam.core.tasks.Follower
import org.rapsam.core.tasks.PanopticResult
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.TrackedInstance

/** What is in a frame. */
sealed interface Seen {
    /** Objects with numbers that they keep, in falling order of score. */
    class Tracks(val tracks: List<TrackedInstance>) : Seen

    /** The objects of this frame by itself. */
    class Objects(val found: PanopticResult) : Seen
}

/**
 * Moving pictures, a frame after the other: objects are followed where the bundle does that, else found in each frame by
 * itself. Not for several threads at a time.
 */
class Video(private val loaded: LoadedBundle) {
    private val manifest = loaded.bundle.manifest
    private val following = manifest.pipeline(Task.VIDEO)
    private val segmenter = Segmenter(loaded)
    private val input = FloatArray(if (following == null) 0 else 3 * manifest.preprocess.size.area)
    private var follower: Follower? = null

    /** Whether it finds anything. */
    val findsObjects: Boolean get() = segmenter.findsObjects

    /** Whether objects keep their numbers. */
    val followsObjects: Boolean get() = following != null

    /**
     * Looks at the next frame.
     *
     * @throws Problem If the bundle does not find objects, or the network's outputs cannot be used.
     */
    fun look(frame: Picture): Seen {
        if (following != null) return Seen.Tracks(follow(frame, following.graphs))
        segmenter.take(frame)
        return Seen.Objects(segmenter.panoptic())
    }

    private fun follow(frame: Picture, graphs: List<String>): List<TrackedInstance> {
        val fitted = manifest.preprocess.fitted(frame, input)
        val outputs = outputsByRole(graphs, loaded.graphs, mapOf(Role.IMAGE to fitted.pixels))
        val classLogits = ofOne(outputs, Role.CLASS_LOGITS)
        checkClasses(classLogits.shape.last() - 1, manifest)
        val now = follower ?: Follower(manifest.numThings, candidates()).also { follower = it }
        return now.next(classLogits, ofOne(outputs, Role.QUERIES), ofOne(outputs, Role.MASK_LOGITS), fitted.geometry)
    }

    private fun candidates(): Int =
        manifest.topK ?: throw Problem("this bundle does not say how many objects to look at; export it again")
}
