package org.rapsam.core

import java.io.File
import java.nio.file.Files
import org.rapsam.core.bench.AppBuild
import org.rapsam.core.bench.BENCH_FOLDER
import org.rapsam.core.bench.Battery
import org.rapsam.core.bench.Benchmark
import org.rapsam.core.bench.DONE_FILE
import org.rapsam.core.bench.JobFolder
import org.rapsam.core.bench.Phone
import org.rapsam.core.bench.PhoneFacts
import org.rapsam.core.bench.findingsText
import org.rapsam.core.bench.screenJob
import org.rapsam.core.bundle.Bundle
import org.rapsam.core.bundle.FolderSource
import org.rapsam.core.json.jsonOf
import org.rapsam.core.json.parseJson
import org.rapsam.core.run.LoadedBundle
import org.rapsam.core.run.Segmenter
import org.rapsam.core.selftest.Verdict
import org.rapsam.core.selftest.selfTest
import org.rapsam.core.selftest.selfTestText
import org.rapsam.core.session.PhotoSession
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Prompt
import org.rapsam.core.tasks.Size

private val PHOTO = Picture(IntArray(40 * 60) { 0x808080 }, Size(40, 60))

private fun loaded(factory: FakeFactory, bundle: TinyBundle = TinyBundle()) =
    LoadedBundle.load(Bundle.open(FolderSource(bundle.write().folder)), factory, "Fake", null)

private fun session(factory: FakeFactory, bundle: TinyBundle = TinyBundle()) =
    PhotoSession(Segmenter(loaded(factory, bundle)), loaded(factory, bundle).bundle.manifest.labels)

/** From a photo to what is shown, with a runtime that works and with ones that do not. */
fun runTests(checks: Checks) {
    checks.test("objects are found, painted and listed") {
        val session = session(FakeFactory())
        assertEqual(null, session.view())
        session.take(PHOTO)
        assertEqual(2, session.find())
        val view = session.view()!!
        assertEqual(listOf("cup", "wall"), view.entries.map { it.name })
        assertEqual(false, view.picture.argb.contentEquals(PHOTO.argb))
    }
    checks.test("a prompt is answered, and what depends on the photo alone runs once") {
        val factory = FakeFactory()
        val session = session(factory)
        session.take(PHOTO)
        session.find()
        session.ask(Prompt.point(3.0, 4.0))
        session.ask(Prompt.box(1.0, 2.0, 30.0, 20.0))
        assertEqual(3, factory.runs)
        assertEqual(listOf("Tap 1", "Box 2"), session.view()!!.entries.map { it.name })
        session.clear()
        assertEqual(listOf("cup", "wall"), session.view()!!.entries.map { it.name })
    }
    checks.test("when memory is short the photo is let go, and the next one works") {
        val session = session(FakeFactory())
        session.take(PHOTO)
        session.forget()
        assertEqual(false, session.hasPhoto)
        assertEqual(null, session.view())
        assertProblem("no photo yet") { session.ask(Prompt.point(1.0, 1.0)) }
        assertProblem("no photo yet") { session.find() }
        assertEqual(false, session.hasRegions)
        session.take(PHOTO)
        assertEqual(2, session.find())
    }
    wrongRuntimes(checks)
    wrongQuestions(checks)
    selfTests(checks)
    benchmarks(checks)
}

private fun wrongRuntimes(checks: Checks) {
    checks.test("a runtime that is older than the bundle needs is refused, with both named") {
        fun needing(release: String) = TinyBundle().apply { edit = { it["minimum_runtime"] = release } }
        for (needed in listOf("fake 2", "fake 1.0.1", "fake1.2 (build 7)")) {
            assertProblem("needs $needed", "has Fake 1") { loaded(FakeFactory(), needing(needed)) }
        }
        for (needed in listOf("fake 1", "fake 0.9.9", "fake 1.0.0", "fake", "", "fake 99999999999999999999")) {
            loaded(FakeFactory(), needing(needed))
        }
    }
    checks.test("a bundle for another runtime is refused, with both named") {
        for (needed in listOf("executorch 1.4.1", "other 0.5", "fakes 1", "other")) {
            val bundle = TinyBundle().apply { edit = { it["minimum_runtime"] = needed } }
            assertProblem("needs $needed", "with Fake", "export the bundle again") { loaded(FakeFactory(), bundle) }
        }
    }
    checks.test("NaN is told, and nothing is shown as found") {
        val session = session(FakeFactory(Mood.RETURNS_NAN))
        session.take(PHOTO)
        assertProblem("1 NaN or infinite values", "another compute unit") { session.find() }
        assertProblem("NaN") { session.ask(Prompt.point(1.0, 1.0)) }
        assertEqual(emptyList<Any>(), session.view()!!.entries)
    }
    checks.test("a runtime that refuses a graph, fails, or returns something else is told") {
        assertProblem("refuses the graph objects") { loaded(FakeFactory(Mood.REFUSES)) }
        for ((mood, words) in listOf(Mood.FAILS to "fails to run", Mood.RETURNS_ANOTHER_SHAPE to "expected [1, 3, 4]")) {
            val session = session(FakeFactory(mood))
            session.take(PHOTO)
            assertProblem(words) { session.find() }
        }
    }
}

private fun wrongQuestions(checks: Checks) {
    checks.test("a bundle without a task says so when it is asked for") {
        val onlyObjects = TinyBundle().apply { edit = { it["pipelines"] = pipelines("panoptic") } }
        val session = session(FakeFactory(), onlyObjects)
        session.take(PHOTO)
        assertProblem("takes no prompts") { session.ask(Prompt.point(1.0, 1.0)) }
        val onlyPrompts = TinyBundle().apply { edit = { it["pipelines"] = pipelines("prompt") } }
        val segmenter = Segmenter(loaded(FakeFactory(), onlyPrompts))
        segmenter.take(PHOTO)
        assertProblem("does not find objects") { segmenter.panoptic() }
    }
    checks.test("a bundle that takes prompts only looks at the photo before it is asked") {
        val factory = FakeFactory()
        val session = session(factory, TinyBundle().apply { edit = { it["pipelines"] = pipelines("prompt") } })
        session.take(PHOTO)
        assertEqual(null, session.find())
        assertEqual(1, factory.runs)
        session.ask(Prompt.point(3.0, 4.0))
        assertEqual(2, factory.runs)
    }
    checks.test("a bundle whose graphs return other candidates than it says is refused") {
        val session = session(FakeFactory(), TinyBundle().apply { edit = { it["prompts"] = POINT_PROMPTS + ("candidates" to 3) } })
        session.take(PHOTO)
        assertProblem("the bundle says 3 masks a prompt") { session.ask(Prompt.point(1.0, 1.0)) }
    }
    checks.test("prompts outside of the photo, and before there is one, are refused") {
        val session = session(FakeFactory())
        assertProblem("no photo yet") { session.ask(Prompt.point(1.0, 1.0)) }
        session.take(PHOTO)
        assertProblem("point 60.0,1.0", "outside") { session.ask(Prompt.point(60.0, 1.0)) }
        assertProblem("NaN") { session.ask(Prompt.point(Double.NaN, 1.0)) }
        assertProblem("empty") { session.ask(Prompt.box(5.0, 5.0, 5.0, 9.0)) }
        assertProblem("leaves the image") { session.ask(Prompt.box(5.0, 5.0, 61.0, 9.0)) }
    }
    checks.test("a model that takes no points or other encodings says so") {
        val spec = mapOf("encoding" to "boxes", "max_points" to 0, "boxes" to true, "point_radius" to null) + ONE_OF_ONE
        val other = spec + mapOf("encoding" to "rays", "max_points" to 1)
        for ((prompts, words) in listOf(spec to "no points", other to "gives \"boxes\" or \"points\"")) {
            val session = session(FakeFactory(), TinyBundle().apply { edit = { it["prompts"] = prompts } })
            session.take(PHOTO)
            assertProblem(words) { session.ask(Prompt.point(1.0, 1.0)) }
        }
    }
}

private val POINT_PROMPTS =
    mapOf("encoding" to "boxes", "max_points" to 1, "boxes" to true, "point_radius" to 3.0) + ONE_OF_ONE

private fun pipelines(task: String) =
    listOf(mapOf("task" to task, "graphs" to if (task == "panoptic") listOf("objects") else listOf("objects", "prompt")))

private fun selfTests(checks: Checks) {
    checks.test("the self-test compares what is stored, and judges by what the toolkit found") {
        val row = selfTest(loaded(FakeFactory())).single()
        assertEqual(Verdict.PASSED, row.verdict)
        assertEqual(0.0, row.maxAbs)
        assertEqual(true, selfTestText(listOf(row)).startsWith("All 1 outputs are right"))
        val unknown = selfTestText(listOf(row, row.copy(verdict = Verdict.UNKNOWN)))
        assertEqual(true, unknown.startsWith("1 of 2 outputs are right; of the others"))
        assertEqual(true, selfTestText(emptyList()).startsWith("No output was compared"))
    }
    checks.test("a self-test whose files do not fit is refused") {
        val bundle = TinyBundle().write()
        bundle.edit = { manifest -> manifest["files"] = (manifest["files"] as List<*>).filter { "iou.bin" !in it.toString() } }
        assertProblem("iou.bin") { selfTest(loaded(FakeFactory(), bundle)) }
    }
}

private object Quiet : Phone {
    override fun facts() = PhoneFacts(4, 2048, false, battery())

    override fun battery() = Battery(50.0, null)

    override fun thermalState() = "light"

    override fun memoryMb() = 100

    override fun peakMemory() = 200 to "VmHWM"
}

private fun job(run: String) = mapOf(
    "schema_version" to 1,
    "run_id" to run,
    "runtime" to "Fake",
    "threads" to null,
    "timing" to mapOf(
        "iters" to 2, "min_seconds" to 0.0, "max_seconds" to 1.0, "rounds" to 1, "pause_s" to 0.0,
        "warmup_max_s" to 0.0, "stages" to listOf("graph", "click"), "sustained_s" to 0.01,
    ),
)

private fun ran(job: Map<String, Any?>, mood: Mood = Mood.WORKS): File {
    val documents = Files.createTempDirectory("documents").toFile()
    val folder = File(File(documents, BENCH_FOLDER), "r1").apply { mkdirs() }
    TinyBundle().write().folder.copyRecursively(File(folder, "bundle"))
    File(folder, "job.json").writeText(jsonOf(job))
    JobFolder(documents, "r1").run(AppBuild("1", "debug"), Quiet, listOf(FakeFactory(mood))) {}
    assertEqual("r1\n", File(documents, DONE_FILE).readText())
    return File(folder, "out")
}

private fun benchmarks(checks: Checks) {
    checks.test("a job is run, and its result, outputs and end are left") {
        val out = ran(job("r1"))
        val result = parseJson(File(out, "result.json").readText(), "result")
        assertEqual(true, result["error"].isNull)
        assertEqual(listOf("graph", "graph", "click", "graph"), result["stages"].items().map { it["kind"].text() })
        assertEqual(4, out.list()!!.count { it.endsWith(".bin") && it.startsWith("case0.graph") } - 1)
        assertEqual(4L * (SIDE / 4) * (SIDE / 4), File(out, "case0.graph1.output0.bin").length())
        assertEqual("light", result["thermal_states"].items().single().text())
    }
    checks.test("whatever goes wrong with a job is its result") {
        for ((wrong, words) in listOf(
            job("another") to "another",
            job("r1") + ("runtime" to "Core ML") to "does not run this bundle",
            job("r1") + ("timing" to mapOf("iters" to 0)) to "iters",
        )) {
            val error = parseJson(File(ran(wrong), "result.json").readText(), "result")["error"].text()
            assertEqual(true, words in error)
        }
        val error = parseJson(File(ran(job("r1"), Mood.RETURNS_NAN), "result.json").readText(), "result")["error"].text()
        assertEqual(true, "NaN" in error)
    }
    checks.test("what other runs left is removed, and nothing beside it") {
        val documents = Files.createTempDirectory("documents").toFile()
        for (path in listOf("$BENCH_FOLDER/old/out/result.json", "$BENCH_FOLDER/r1/out/old.bin", "bundle/kept", DONE_FILE)) {
            File(documents, path).apply { parentFile.mkdirs() }.writeText("old")
        }
        JobFolder(documents, "r1").run(AppBuild("1", "debug"), Quiet, emptyList()) {}
        assertEqual(listOf("r1"), File(documents, BENCH_FOLDER).list()!!.toList())
        assertEqual(listOf("result.json"), File(documents, "$BENCH_FOLDER/r1/out").list()!!.toList())
        assertEqual("old", File(documents, "bundle/kept").readText())
        assertEqual("r1\n", File(documents, DONE_FILE).readText())
    }
    checks.test("that a run has ended is told where no result can be written, too") {
        val documents = Files.createTempDirectory("documents").toFile()
        File(documents, BENCH_FOLDER).mkdirs()
        File(documents, "$BENCH_FOLDER/r1").writeText("no folder")
        assertProblem("cannot write to") { JobFolder(documents, "r1").run(AppBuild("1", "debug"), Quiet, emptyList()) {} }
        assertEqual("r1\n", File(documents, DONE_FILE).readText())
    }
    checks.test("a run whose name leads elsewhere is refused") {
        assertProblem("no number of a run") {
            JobFolder(File("/tmp"), "../x").run(AppBuild("1", "debug"), Quiet, emptyList()) {}
        }
    }
    checks.test("the screen's own run ends in a text of medians") {
        val bundle = Bundle.open(FolderSource(TinyBundle().write().folder))
        val timing = screenJob("Fake").timing.copy(minSeconds = 0.0, pauseS = 0.0, warmupMaxS = 0.0)
        val found = Benchmark(screenJob("Fake").copy(timing = timing), Quiet) {}.run(bundle, FakeFactory()) { _, _, _, _ -> }
        val text = findingsText(found)
        for (words in listOf("end_to_end panoptic", "click prompt", "peak memory 200 MiB")) assertEqual(true, words in text)
    }
}
