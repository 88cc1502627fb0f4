package org.rapsam.sample

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.rapsam.core.Problem
import org.rapsam.core.bench.AppBuild
import org.rapsam.core.bench.Battery
import org.rapsam.core.bench.JobFolder
import org.rapsam.core.bench.Phone
import org.rapsam.core.bench.PhoneFacts
import org.rapsam.core.bundle.Bundle
import org.rapsam.core.bundle.FolderSource
import org.rapsam.core.bundle.GraphContract
import org.rapsam.core.bundle.Role
import org.rapsam.core.bundle.TensorSpec
import org.rapsam.core.json.JsonValue
import org.rapsam.core.json.jsonOf
import org.rapsam.core.json.parseJson
import org.rapsam.core.run.LoadedBundle
import org.rapsam.core.run.Seen
import org.rapsam.core.run.Segmenter
import org.rapsam.core.run.Video
import org.rapsam.core.run.factoryFor
import org.rapsam.core.selftest.decodePng
import org.rapsam.core.selftest.selfTest
import org.rapsam.core.selftest.selfTestText
import org.rapsam.core.session.PhotoSession
import org.rapsam.core.session.TapMeaning
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Prompt
import org.rapsam.core.tasks.Tensor

/**
 * What the app does between a photo and its screen, without Android: for tests that compare it with Python.
 *
 * `segment BUNDLE RUNTIME ASKED OUT`: ASKED is a JSON file, a list of a `photo` (PNG), `points` and `boxes` each. Into OUT
 * go the maps and masks; what was found is printed as JSON. `refine BUNDLE RUNTIME ASKED OUT`: ASKED is a JSON file of a
 * `photo` and `steps`, each a place `at` (x, y or x1, y1, x2, y2) and its `meaning`; into OUT go the masks after each, and
 * the picture. `follow BUNDLE RUNTIME FRAMES OUT`: FRAMES is a JSON list of
 * photos; into OUT go the masks of the tracks of each, which are printed as JSON. `selftest BUNDLE RUNTIME` prints rows. `bench DOCUMENTS RUN`
 * runs a job. `halve FILE OUTPUT` runs a graph that halves the numbers from 0 to 31, whose output is to have that name.
 * A [Problem] is printed as `problem: ...`.
 */
fun main(arguments: Array<String>) {
    val words = arguments.drop(1)
    try {
        when (arguments[0]) {
            "segment" -> segment(words[0], words[1], File(words[2]), File(words[3]))
            "refine" -> refine(words[0], words[1], File(words[2]), File(words[3]))
            "follow" -> follow(words[0], words[1], File(words[2]), File(words[3]))
            "selftest" -> test(words[0], words[1])
            "halve" -> halve(File(words[0]), words[1])
            "bench" -> JobFolder(File(words[0]), words[1]).run(AppBuild("0.1.0", "debug"), NoPhone, ENGINES, ::println)
        }
    } catch (problem: Problem) {
        println("problem: ${problem.message}")
    }
}

internal fun load(bundle: String, runtime: String): LoadedBundle {
    val opened = Bundle.open(FolderSource(File(bundle)))
    return LoadedBundle.load(opened, LoadedBundle.factory(opened, ENGINES), runtime, 1)
}

private fun segment(bundle: String, runtime: String, asked: File, out: File) = load(bundle, runtime).use { loaded ->
    val segmenter = Segmenter(loaded)
    val found = parseJson(asked.readText(), asked.name).items().mapIndexed { number, one ->
        segmenter.take(pictureIn(File(one["photo"].text())))
        val objects = if (segmenter.findsObjects) segmenter.panoptic() else null
        objects?.let { File(out, "$number.map.bin").writeBytes(bytes(it.map)) }
        val prompts = numbers(one["points"]).map { (x, y) -> Prompt.point(x, y) } +
            numbers(one["boxes"]).map(::boxOf)
        val regions = if (prompts.isEmpty()) emptyList() else segmenter.segment(prompts)
        for ((place, region) in regions.withIndex()) {
            File(out, "$number.mask$place.bin").writeBytes(bytes(region.mask))
        }
        mapOf(
            "void" to objects?.void,
            "segments" to objects?.segments?.map {
                listOf(it.id, it.classIndex, it.isThing, it.score, it.area, it.query)
            },
            "iou" to regions.map { it.predictedIou },
        )
    }
    println(jsonOf(mapOf("version" to loaded.engine.version, "photos" to found)))
}

/** Asks for regions of one photo, point after point, as fingers do. */
private fun refine(bundle: String, runtime: String, asked: File, out: File) = load(bundle, runtime).use { loaded ->
    val session = PhotoSession(Segmenter(loaded), loaded.bundle.manifest.labels)
    val json = parseJson(asked.readText(), asked.name)
    session.take(pictureIn(File(json["photo"].text())))
    session.find()
    val found = json["steps"].items().mapIndexed { number, step ->
        val place = step["at"].items().map { it.number() }
        val meaning = TapMeaning.valueOf(step["meaning"].text().uppercase().replace(' ', '_'))
        session.ask(if (place.size == 2) Prompt.point(place[0], place[1]) else boxOf(place), meaning)
        for ((region, answer) in session.regions.withIndex()) {
            File(out, "$number.mask$region.bin").writeBytes(bytes(answer.mask))
        }
        session.regions.map { it.predictedIou }
    }
    File(out, "painted.bin").writeBytes(bytes(session.view()!!.picture.argb))
    println(jsonOf(mapOf("regions" to found)))
}

internal fun boxOf(place: List<Double>): Prompt = place.let { (x1, y1, x2, y2) -> Prompt.box(x1, y1, x2, y2) }

private fun follow(bundle: String, runtime: String, frames: File, out: File) = load(bundle, runtime).use { loaded ->
    val video = Video(loaded)
    val found = parseJson(frames.readText(), frames.name).items().mapIndexed { number, frame ->
        val tracks = (video.look(pictureIn(File(frame.text()))) as Seen.Tracks).tracks
        for ((place, track) in tracks.withIndex()) {
            File(out, "$number.track$place.bin").writeBytes(bytes(track.instance.mask))
        }
        tracks.map { listOf(it.trackId, it.instance.label, it.instance.query, it.instance.score) }
    }
    println(jsonOf(found))
}

internal fun pictureIn(file: File): Picture = decodePng(ByteBuffer.wrap(file.readBytes()), file.name)

private fun test(bundle: String, runtime: String) =
    load(bundle, runtime).use { loaded -> println(selfTestText(selfTest(loaded))) }

private fun halve(file: File, output: String) {
    val given = TensorSpec("given", listOf(1, 4, 4, 2), "float32", Role.IMAGE)
    val contract = GraphContract("half", listOf(given), listOf(given.copy(name = output)))
    val bytes = file.readBytes()
    val model = ByteBuffer.allocateDirect(bytes.size).apply { put(bytes) }.apply { flip() }
    val factory = factoryFor(file.name, ENGINES)
    factory.open(factory.runtimes.first(), 1).load(model, contract).use { graph ->
        val tensor = Tensor(FloatArray(given.count) { it.toFloat() }, given.shape)
        repeat(2) { println(graph.run(mapOf("given" to tensor)).getValue(output).data.joinToString(" ")) }
    }
}

private fun numbers(rows: JsonValue): List<List<Double>> = rows.items().map { row -> row.items().map { it.number() } }

private fun bytes(mask: BooleanArray) = ByteArray(mask.size) { if (mask[it]) 1 else 0 }

internal fun bytes(map: IntArray): ByteArray {
    val buffer = ByteBuffer.allocate(4 * map.size).order(ByteOrder.LITTLE_ENDIAN)
    buffer.asIntBuffer().put(map)
    return buffer.array()
}

/** A phone of which nothing is known but its memory. */
internal object NoPhone : Phone {
    override fun facts() = PhoneFacts(Runtime.getRuntime().availableProcessors(), null, null, null)

    override fun battery(): Battery? = null

    override fun thermalState(): String? = null

    override fun memoryMb(): Int? = null

    override fun peakMemory(): Pair<Int, String>? = null
}
