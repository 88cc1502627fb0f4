package org.rapsam.core

import com.sun.management.ThreadMXBean
import java.lang.management.ManagementFactory
import org.rapsam.core.bundle.Bundle
import org.rapsam.core.bundle.FolderSource
import org.rapsam.core.bundle.Label
import org.rapsam.core.run.LoadedBundle
import org.rapsam.core.run.Seen
import org.rapsam.core.run.Video
import org.rapsam.core.session.paintSeen
import org.rapsam.core.tasks.Follower
import org.rapsam.core.tasks.Geometry
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.Tensor

private val FRAME = Picture(IntArray(40 * 60) { 0x808080 }, Size(40, 60))
private val LABELS = TINY_LABELS.map { (name, isThing) -> Label(name, isThing) }
private const val QUERIES = 100
private const val CLASSES = 125
private const val THINGS = 12
private const val STRIDE_SIDE = 64

/** Beside the masks that are reported; of 100 queries, 125 classes, 12 objects in frames of 640x480. */
private const val MOST_BYTES_A_FRAME = 16_384

private fun video(mood: Mood, edit: (MutableMap<String, Any?>) -> Unit): Video {
    val bundle = TinyBundle().apply { this.edit = edit }.write()
    return Video(LoadedBundle.load(Bundle.open(FolderSource(bundle.folder)), FakeFactory(mood), "Fake", null))
}

/** Adds the task `video`, and queries among what the graph returns. */
private fun following(manifest: MutableMap<String, Any?>) {
    val graphs = manifest["graphs"] as List<*>
    val objects = graphs[0] as Map<*, *>
    val contract = objects["contract"] as Map<*, *>
    val queries = mapOf("name" to "queries", "shape" to listOf(1, 3, CHANNELS), "dtype" to "float32", "role" to "queries")
    val more = contract + ("outputs" to contract["outputs"] as List<*> + queries)
    manifest["graphs"] = listOf(objects + ("contract" to more)) + graphs.drop(1)
    manifest["pipelines"] =
        manifest["pipelines"] as List<*> + mapOf("task" to "video", "graphs" to listOf("objects"))
}

/** Moving pictures: tracks where the bundle follows objects, else the objects of each frame. */
fun videoTests(checks: Checks) {
    checks.test("objects keep their numbers, and are painted and listed by them") {
        val video = video(Mood.WORKS, ::following)
        assertEqual(true, video.followsObjects)
        val entries = List(3) {
            val canvas = FRAME.copy()
            val found = paintSeen(canvas, video.look(FRAME), LABELS)
            assertEqual(false, canvas.argb.contentEquals(FRAME.argb))
            found.map { it.name }
        }
        assertEqual(List(3) { listOf("#1 cup") }, entries)
    }
    checks.test("a bundle without that task shows the objects of each frame") {
        val video = video(Mood.WORKS) {}
        assertEqual(false, video.followsObjects)
        val seen = video.look(FRAME) as Seen.Objects
        assertEqual(2, seen.found.segments.size)
    }
    checks.test("frames of another size go on with the same numbers") {
        val video = video(Mood.WORKS, ::following)
        val other = Picture(IntArray(50 * 30) { 0x202020 }, Size(50, 30))
        val numbers = listOf(FRAME, other, FRAME).map { frame -> (video.look(frame) as Seen.Tracks).tracks }
        assertEqual(listOf(listOf(1), listOf(1), listOf(1)), numbers.map { tracks -> tracks.map { it.trackId } })
        assertEqual(50 * 30, numbers[1].single().instance.mask.size)
    }
    checks.test("what a network returns that cannot be followed is told") {
        assertProblem("NaN") { video(Mood.RETURNS_NAN, ::following).look(FRAME) }
        val fewer = { manifest: MutableMap<String, Any?> ->
            following(manifest)
            manifest["labels"] = mapOf("labels" to listOf(mapOf("name" to "cup", "is_thing" to true)))
        }
        assertProblem("knows 3 classes, the bundle names 1") { video(Mood.WORKS, fewer).look(FRAME) }
    }
    checks.test("masks that were reported stay as they are, and little else is made anew") { allocations() }
}

/** Logits of objects side by side; one of them lies on another, and its track is left out. */
private class Scene {
    val classLogits = Tensor(
        FloatArray(QUERIES * (CLASSES + 1)) { at ->
            val query = at / (CLASSES + 1)
            val wanted = if (query <= THINGS) query else CLASSES
            if (at % (CLASSES + 1) == wanted) 12f - query / 100f else 0f
        },
        listOf(QUERIES, CLASSES + 1),
    )
    val queries = Tensor(FloatArray(QUERIES * QUERIES) { if (it / QUERIES == it % QUERIES) 1f else 0f }, listOf(QUERIES, QUERIES))
    val maskLogits = Tensor(
        FloatArray(QUERIES * STRIDE_SIDE * STRIDE_SIDE) { at ->
            val query = at / (STRIDE_SIDE * STRIDE_SIDE)
            val column = at % STRIDE_SIDE / 5
            if (column == (if (query == THINGS) 0 else query)) 6f else -6f
        },
        listOf(QUERIES, STRIDE_SIDE, STRIDE_SIDE),
    )
}

private fun allocations() {
    val geometry = Geometry(Size(256, 256), Size(192, 256), Size(480, 640))
    val scene = Scene()
    val follower = Follower(CLASSES, 100)
    val look = { follower.next(scene.classLogits, scene.queries, scene.maskLogits, geometry) }
    val first = look()
    val kept = first.map { it.instance.mask.copyOf() }
    assertEqual((1..THINGS).toList(), first.map { it.trackId })
    repeat(20) { look() }
    val threads = ManagementFactory.getThreadMXBean() as ThreadMXBean
    val self = Thread.currentThread().id
    val before = threads.getThreadAllocatedBytes(self)
    val frames = 10
    var masks = 0L
    repeat(frames) { masks += look().sumOf { it.instance.mask.size } }
    val bytes = (threads.getThreadAllocatedBytes(self) - before - masks) / frames
    println("a frame of $THINGS tracks: $bytes bytes beside their masks")
    if (bytes > MOST_BYTES_A_FRAME) throw AssertionError("$bytes bytes; expected at most $MOST_BYTES_A_FRAME")
    for ((place, track) in first.withIndex()) assertEqual(true, track.instance.mask.contentEquals(kept[place]))
}
