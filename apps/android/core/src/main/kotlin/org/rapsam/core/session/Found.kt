package org.rapsam.core.session

import org.rapsam.core.bundle.Label
import org.rapsam.core.run.Seen
import org.rapsam.core.tasks.Layer
import org.rapsam.core.tasks.PanopticResult
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Region
import org.rapsam.core.tasks.Segment
import org.rapsam.core.tasks.TrackedInstance
import org.rapsam.core.tasks.classColour
import org.rapsam.core.tasks.lineWidth
import org.rapsam.core.tasks.paintMasks

/**
 * A line of the list of what was found.
 *
 * @property figure What is known of it in numbers; may be empty.
 */
data class Entry(val name: String, val figure: String, val colour: Int)

/** Paints objects over a picture, in place, and lists them. */
fun paintObjects(canvas: Picture, found: PanopticResult, labels: List<Label>): List<Entry> {
    val layers = found.segments.map { segment ->
        Layer(Region.OfMap(found.map, segment.id), colourOf(segment))
    }
    paintMasks(canvas, layers, lineWidth(canvas.size))
    return found.segments.mapIndexed { place, segment ->
        val area = segment.area.toDouble() / found.size.area
        Entry(nameOf(place, found.segments, labels), "score ${percent(segment.score)}, area ${percent(area)}", colourOf(segment))
    }
}

/** Paints tracks over a picture, in place, the surest on top, and lists them by their numbers, which choose their colours. */
fun paintTracks(canvas: Picture, tracks: List<TrackedInstance>, labels: List<Label>): List<Entry> {
    val layers = tracks.asReversed().map {
        Layer(Region.OfMask(it.instance.mask), classColour(it.trackId))
    }
    paintMasks(canvas, layers, lineWidth(canvas.size))
    // A list that changes its order cannot be read.
    return tracks.sortedBy { it.trackId }.map {
        val name = "#${it.trackId} ${labels[it.instance.label].name}"
        Entry(name, "score ${percent(it.instance.score)}", classColour(it.trackId))
    }
}

/** Paints what was seen in a frame over it, in place, and lists it. */
fun paintSeen(canvas: Picture, seen: Seen, labels: List<Label>): List<Entry> = when (seen) {
    is Seen.Tracks -> paintTracks(canvas, seen.tracks, labels)
    is Seen.Objects -> paintObjects(canvas, seen.found, labels)
}

private fun colourOf(segment: Segment): Int = classColour(segment.classIndex, segment.instance)

/** Where a class has several objects, they are numbered. */
private fun nameOf(place: Int, segments: List<Segment>, labels: List<Label>): String {
    val classIndex = segments[place].classIndex
    val name = labels[classIndex].name
    if (segments.count { it.classIndex == classIndex } == 1) return name
    return "$name ${segments.take(place + 1).count { it.classIndex == classIndex }}"
}

private fun percent(share: Number): String {
    val value = 100 * share.toDouble()
    return if (value > 0 && value < 0.5) "under 1 %" else "${Math.round(value)} %"
}
