package org.rapsam.core

import org.rapsam.core.bundle.Bundle
import org.rapsam.core.bundle.FolderSource
import org.rapsam.core.run.LoadedBundle
import org.rapsam.core.run.Segmenter
import org.rapsam.core.session.OneAtATime
import org.rapsam.core.session.PhotoSession
import org.rapsam.core.session.Report
import org.rapsam.core.session.TapMeaning
import org.rapsam.core.session.meanings
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Prompt
import org.rapsam.core.tasks.Size

private val PHOTO = Picture(IntArray(40 * 60) { 0x808080 }, Size(40, 60))
private val FIRST = Prompt.point(30.0, 20.0)
private val SECOND = Prompt.point(15.0, 30.0)
private val BOX = Prompt.box(1.0, 2.0, 30.0, 20.0)

private fun tiny(points: Int, vararg prompts: Pair<String, Any?>) = TinyBundle().apply {
    maxPoints = points
    edit = { it["prompts"] = (it["prompts"] as Map<*, *>) + prompts }
}

private fun opened(bundle: TinyBundle) = Bundle.open(FolderSource(bundle.write().folder))

private fun session(factory: FakeFactory = FakeFactory(), bundle: TinyBundle = tiny(3)) =
    PhotoSession(Segmenter(LoadedBundle.load(opened(bundle), factory, "Fake", null)), emptyList()).apply { take(PHOTO) }

private fun PhotoSession.names() = view()!!.entries.map { it.name }

private fun FakeFactory.numbers(name: String) = given.getValue(name).data.toList()

/** Regions that are asked for by several points, and what screens share. */
fun sessionTests(checks: Checks) {
    turns(checks)
    reports(checks)
    checks.test("points are added to the last region, with its answer before") {
        val factory = FakeFactory()
        val session = session(factory)
        session.ask(FIRST, TapMeaning.ADD)
        assertEqual(listOf(1f, -1f, -2f, -2f, -2f), factory.numbers("point_labels"))
        assertEqual(listOf(0f), factory.numbers("has_mask_prompt"))
        val before = session.regions.single().logits.data.toList()
        session.ask(SECOND, TapMeaning.TAKE_AWAY)
        // The network's image is 32 wide, so 60 pixels are 32.
        assertEqual(listOf(30, 20, 15, 30), factory.numbers("points").take(4).map { Math.round(it * 60 / 32) })
        assertEqual(listOf(1f, 0f, -1f, -2f, -2f), factory.numbers("point_labels"))
        assertEqual(listOf(1f), factory.numbers("has_mask_prompt"))
        assertEqual(before, factory.numbers("mask_prompt"))
        assertEqual(listOf("Tap 1, 2 points"), session.names())
    }
    checks.test("a bundle that takes no masks gets none with a further point") {
        val factory = FakeFactory()
        val session = session(factory, tiny(3).apply { takesMasks = false })
        session.ask(FIRST)
        session.ask(SECOND, TapMeaning.ADD)
        assertEqual(setOf("features", "points", "point_labels"), factory.given.keys)
        assertEqual(listOf("Tap 1, 2 points"), session.names())
    }
    checks.test("a tap or a box begins a region, and later points belong to the last one") {
        val factory = FakeFactory()
        val session = session(factory)
        session.ask(FIRST)
        session.ask(SECOND)
        session.ask(BOX, TapMeaning.TAKE_AWAY)
        assertEqual(listOf("Tap 1", "Tap 2", "Box 3"), session.names())
        session.ask(SECOND, TapMeaning.TAKE_AWAY)
        assertEqual(listOf(0f, 2f, 3f, -2f, -2f), factory.numbers("point_labels"))
        assertEqual(3, session.regions.size)
    }
    undone(checks)
    refused(checks)
    offered(checks)
}

private fun undone(checks: Checks) {
    checks.test("undo takes the last point back, then the region, and does not ask the network") {
        val factory = FakeFactory()
        val session = session(factory)
        session.ask(FIRST)
        session.ask(SECOND)
        val before = session.regions[1]
        session.ask(FIRST, TapMeaning.TAKE_AWAY)
        assertEqual(false, before.mask.contentEquals(session.regions[1].mask))
        val runs = factory.runs
        session.undo()
        assertEqual(true, before.mask.contentEquals(session.regions[1].mask))
        assertEqual(before.logits, session.regions[1].logits)
        assertEqual(listOf("Tap 1", "Tap 2"), session.names())
        session.undo()
        assertEqual(listOf("Tap 1"), session.names())
        assertEqual(runs, factory.runs)
        // It is the last one again.
        session.ask(SECOND, TapMeaning.ADD)
        assertEqual(listOf("Tap 1, 2 points"), session.names())
        repeat(3) { session.undo() }
        assertEqual(emptyList<String>(), session.names())
        assertEqual(runs + 1, factory.runs)
    }
}

private fun refused(checks: Checks) {
    checks.test("a point more than the bundle takes is refused, and the region stays as it was") {
        val session = session(bundle = tiny(2))
        session.ask(FIRST)
        session.ask(SECOND, TapMeaning.ADD)
        assertProblem("has 3 points", "up to 2 points and one box per region", "undo one") {
            session.ask(FIRST, TapMeaning.ADD)
        }
        assertProblem("outside") { session.ask(Prompt.point(99.0, 20.0), TapMeaning.NEW_REGION) }
        assertEqual(listOf("Tap 1, 2 points"), session.names())
    }
    checks.test("there is nothing to take from without a region") {
        val session = session()
        assertProblem("no region yet", "tap what you want first") { session.ask(FIRST, TapMeaning.TAKE_AWAY) }
        assertEqual(emptyList<String>(), session.names())
    }
    checks.test("a prompt of a kind that the bundle does not take is refused") {
        for ((field, words) in listOf("negative_points" to "no points beside it", "points_with_box" to "a box beside a point")) {
            val session = session(bundle = tiny(3, field to false))
            session.ask(if (field == "negative_points") FIRST else BOX)
            assertProblem(words, "tap a new region") { session.ask(SECOND, TapMeaning.TAKE_AWAY) }
            assertEqual(1, session.regions.size)
        }
        assertProblem("takes no boxes") { session(bundle = tiny(3, "boxes" to false)).ask(BOX) }
        assertProblem("nothing was asked for") { session().ask(Prompt()) }
        val segmenter = Segmenter(LoadedBundle.load(opened(TinyBundle()), FakeFactory(), "Fake", null)).apply { take(PHOTO) }
        val answered = segmenter.segment(listOf(FIRST)).single()
        assertProblem("no masks") { segmenter.segment(listOf(Prompt(FIRST.points, mask = answered.logits))) }
    }
    checks.test("an answer of another size than the bundle takes is refused") {
        val session = session(bundle = tiny(3, "mask_stride" to 2))
        session.ask(FIRST)
        assertProblem("answer masks of [8, 8] and take masks of [16, 16]") { session.ask(SECOND, TapMeaning.ADD) }
    }
}

private fun offered(checks: Checks) {
    checks.test("only bundles of several points offer more than new regions") {
        fun meanings(bundle: TinyBundle) = opened(bundle).manifest.prompting?.meanings
        assertEqual(listOf(TapMeaning.NEW_REGION), meanings(tiny(1)))
        assertEqual(TapMeaning.entries.toList(), meanings(tiny(2)))
        assertEqual(listOf(TapMeaning.NEW_REGION, TapMeaning.ADD), meanings(tiny(2, "negative_points" to false)))
        val objects = listOf(mapOf("task" to "panoptic", "graphs" to listOf("objects")))
        assertEqual(null, meanings(TinyBundle().apply { edit = { it["pipelines"] = objects } }))
    }
    checks.test("points beside a region are painted hollow") {
        val session = session()
        session.ask(FIRST)
        session.ask(SECOND, TapMeaning.TAKE_AWAY)
        val picture = session.view()!!.picture
        fun at(x: Int, y: Int) = picture.argb[y * picture.size.width + x] and 0xFFFFFF
        assertEqual(0xFFFFFF, at(15, 30))
        assertEqual(true, at(30, 20) != 0xFFFFFF)
    }
}

private fun turns(checks: Checks) {
    checks.test("what comes while one is done is left out, and the next one is done however the first one ends") {
        val turn = OneAtATime()
        val done = ArrayList<String>()
        lateinit var first: () -> Unit
        turn.begin { end -> first = end }
        turn.begin { done += "too early" }
        first()
        turn.begin { end ->
            done += "second"
            end()
        }
        try {
            turn.begin { throw IllegalStateException("a frame that cannot be read") }
        } catch (error: IllegalStateException) {
            done += "failed"
        }
        turn.begin { done += "third" }
        assertEqual(listOf("second", "failed", "third"), done)
    }
}

private fun reports(checks: Checks) {
    checks.test("a report that ends after its screen has turned is there for the next one") {
        val report = Report()
        val seen = ArrayList<String>()
        report.onChange = { seen += report.status }
        report.begin()
        report.tell("loading")
        report.onChange = {}
        report.tell("running")
        assertEqual(listOf("", "loading"), seen)
        assertEqual(true, report.isRunning)
        assertEqual("running", report.status)
        report.finish("all right")
        assertEqual(listOf("all right", "", null, false), listOf(report.text, report.status, report.problem, report.isRunning))
        report.fail("no memory")
        assertEqual(listOf("", "", "no memory", false), listOf(report.text, report.status, report.problem, report.isRunning))
        report.begin()
        assertEqual(listOf("", null, true), listOf(report.text, report.problem, report.isRunning))
    }
}
