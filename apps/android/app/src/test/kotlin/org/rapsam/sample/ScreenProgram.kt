package org.rapsam.sample

import java.io.File
import org.rapsam.core.Problem
import org.rapsam.core.bench.Benchmark
import org.rapsam.core.bench.findingsText
import org.rapsam.core.bench.screenJob
import org.rapsam.core.json.jsonOf
import org.rapsam.core.json.parseJson
import org.rapsam.core.run.LoadedBundle
import org.rapsam.core.run.Segmenter
import org.rapsam.core.run.Video
import org.rapsam.core.selftest.selfTest
import org.rapsam.core.selftest.selfTestText
import org.rapsam.core.session.Entry
import org.rapsam.core.session.PhotoSession
import org.rapsam.core.session.meanings
import org.rapsam.core.session.paintSeen
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Prompt

/**
 * What the app's screens say, without Android: for pictures of them. Printed as JSON.
 *
 * `photo BUNDLE RUNTIME ASKED OUT`: ASKED is a JSON file of a `photo` (PNG) and `prompts`, each of x, y or x1, y1, x2, y2.
 * `camera BUNDLE RUNTIME ASKED OUT`: ASKED is a JSON file of `frames`; the last one is what is told. Into OUT goes the painted
 * picture, as `painted.bin`. `report BUNDLE RUNTIME`: the texts of the self-test and the benchmark. A [Problem] is printed as
 * `problem: ...`.
 */
fun main(arguments: Array<String>) {
    val words = arguments.drop(1)
    try {
        val told = load(words[0], words[1]).use { loaded ->
            when (arguments[0]) {
                "photo" -> photoScreen(loaded, File(words[2]), File(words[3]))
                "camera" -> cameraScreen(loaded, File(words[2]), File(words[3]))
                "report" -> reportScreens(loaded, words[1])
                else -> throw Problem("there is no screen ${arguments[0]}; expected photo, camera or report")
            }
        }
        println(jsonOf(told))
    } catch (problem: Problem) {
        println("problem: ${problem.message}")
    }
}

private fun photoScreen(loaded: LoadedBundle, asked: File, out: File): Map<String, Any?> {
    val segmenter = Segmenter(loaded)
    val session = PhotoSession(segmenter, loaded.bundle.manifest.labels)
    val json = parseJson(asked.readText(), asked.name)
    session.take(pictureIn(File(json["photo"].text())))
    val (count, milliseconds) = timed { session.find() }
    val asking = json["prompts"].items().map { prompt ->
        val place = prompt.items().map { it.number() }
        timed { session.ask(if (place.size == 2) Prompt.point(place[0], place[1]) else boxOf(place)) }.second
    }
    val view = session.view()!!
    return mapOf(
        "count" to count,
        "milliseconds" to (asking.lastOrNull() ?: milliseconds),
        "finds_objects" to segmenter.findsObjects,
        "meanings" to segmenter.promptSpec?.meanings.orEmpty().map { it.name.lowercase() },
    ) + painted(view.picture, view.entries, out)
}

private fun cameraScreen(loaded: LoadedBundle, asked: File, out: File): Map<String, Any?> {
    val video = Video(loaded)
    val frames = parseJson(asked.readText(), asked.name)["frames"].items().map { pictureIn(File(it.text())) }
    val shown = frames.map { frame ->
        timed { paintSeen(frame, video.look(frame), loaded.bundle.manifest.labels) }
    }
    val (entries, milliseconds) = shown.last()
    return mapOf("count" to entries.size, "milliseconds" to milliseconds) + painted(frames.last(), entries, out)
}

private fun reportScreens(loaded: LoadedBundle, runtime: String): Map<String, Any?> {
    val factory = LoadedBundle.factory(loaded.bundle, ENGINES)
    val found = Benchmark(screenJob(runtime), NoPhone) {}.run(loaded.bundle, factory) { _, _, _, _ -> }
    return mapOf(
        "runtimes" to factory.runtimes,
        "self_test" to selfTestText(selfTest(loaded)),
        "benchmark" to findingsText(found),
    )
}

private fun painted(picture: Picture, entries: List<Entry>, out: File): Map<String, Any?> {
    File(out, "painted.bin").writeBytes(bytes(picture.argb))
    return mapOf(
        "height" to picture.size.height,
        "width" to picture.size.width,
        "entries" to entries.map { listOf(it.name, it.figure, it.colour) },
    )
}

private fun <T> timed(job: () -> T): Pair<T, Long> {
    val start = System.nanoTime()
    return job() to (System.nanoTime() - start) / 1_000_000
}
