package org.rapsam.core

import java.io.File
import java.nio.ByteBuffer
import java.nio.file.Files
import org.rapsam.core.bundle.Bundle
import org.rapsam.core.bundle.FolderSource
import org.rapsam.core.json.jsonOf
import org.rapsam.core.json.parseJson
import org.rapsam.core.run.factoryFor
import org.rapsam.core.selftest.decodePng

private fun open(bundle: TinyBundle) = Bundle.open(FolderSource(bundle.folder))

@Suppress("UNCHECKED_CAST")
private fun parts(value: Any?) = value as List<Map<String, Any?>>

private fun edited(edit: (MutableMap<String, Any?>) -> Unit) = TinyBundle().apply { this.edit = edit }.write()

/** Bundles that are whole, and all the ways in which they are not. */
fun bundleTests(checks: Checks) {
    checks.test("a whole bundle is read, every file of it") {
        val seen = ArrayList<String>()
        val bundle = Bundle.open(FolderSource(TinyBundle().write().folder), seen::add)
        assertEqual(7, seen.size)
        assertEqual(listOf("objects", "prompt"), bundle.manifest.graphs.map { it.contract.graph })
        assertEqual(2, bundle.manifest.numThings)
    }
    checks.test("what file managers leave is passed over") {
        val bundle = TinyBundle().write()
        bundle.put(".DS_Store", ByteArray(3))
        open(bundle)
    }
    alteredBundles(checks)
    otherBundles(checks)
    checks.test("a damaged PNG is refused") {
        assertProblem("scene.png", "no PNG") { decodePng(ByteBuffer.wrap(ByteArray(60)), "scene.png") }
        val cut = png().let { it.copyOf(it.size / 2) }
        assertProblem("scene.png", "damaged") { decodePng(ByteBuffer.wrap(cut), "scene.png") }
    }
    checks.test("JSON is read strictly, and its texts come back as they were") {
        val value = mapOf("a" to listOf(1.5, null, true, "\"\\\u2028\ud83d\ude00\n"), "b" to emptyMap<String, Any>())
        val read = parseJson(jsonOf(value), "x")
        assertEqual("\"\\\u2028\ud83d\ude00\n", read["a"].items()[3].text())
        for (wrong in listOf("{", "[1,]", "{\"a\":1,\"a\":2}", "01", "nul", "\"\t\"", "1 2", "[".repeat(99), "1e999", "\"\\ux\"")) {
            assertProblem("x is damaged") { parseJson(wrong, "x") }
        }
        assertProblem("x, a", "expected a text") { read["a"].text() }
    }
}

private fun alteredBundles(checks: Checks) {
    checks.test("a graph with one other byte is refused") {
        val bundle = TinyBundle().write()
        bundle.put("prompt.fake", "promqt".toByteArray())
        assertProblem("prompt.fake", "not the file that the manifest names") { open(bundle) }
    }
    checks.test("a file that is longer, shorter or gone is refused") {
        for (content in listOf("prompt2", "promp")) {
            val bundle = TinyBundle().write()
            bundle.put("prompt.fake", content.toByteArray())
            assertProblem("prompt.fake", "not the file") { open(bundle) }
        }
        val bundle = TinyBundle().write()
        File(bundle.folder, "prompt.fake").delete()
        assertProblem("prompt.fake", "cannot read") { open(bundle) }
    }
    checks.test("a file that nobody named is refused") {
        val bundle = TinyBundle().write()
        bundle.put("extra.bin", ByteArray(1))
        assertProblem("extra.bin", "does not name") { open(bundle) }
    }
    checks.test("a manifest that was edited is refused") {
        val bundle = TinyBundle().write()
        val manifest = File(bundle.folder, "manifest.json")
        manifest.writeText(manifest.readText().replace("tiny", "tinY"))
        assertProblem("manifest.json", "not what was sealed") { open(bundle) }
    }
    checks.test("a folder that is no bundle is refused") {
        assertProblem("cannot read manifest.json") { Bundle.open(FolderSource(Files.createTempDirectory("none").toFile())) }
    }
    checks.test("a link in a bundle is refused") {
        val bundle = TinyBundle().write()
        Files.createSymbolicLink(File(bundle.folder, "link").toPath(), File("/etc/hostname").toPath())
        assertProblem("link") { open(bundle) }
    }
}

private fun otherBundles(checks: Checks) {
    checks.test("a newer and an older bundle are refused, each with what to do") {
        assertProblem("schema version 5", "install a newer app") { open(edited { it["schema_version"] = 5 }) }
        assertProblem("schema version 3", "export the bundle again") { open(edited { it["schema_version"] = 3 }) }
    }
    checks.test("paths that lead out of a bundle are refused") {
        for (path in listOf("../x", "/x", "a//b", "a\\b", "c:x", "")) {
            val bundle = edited { manifest ->
                manifest["files"] = parts(manifest["files"]) + mapOf("path" to path, "sha256" to "0".repeat(64), "size_bytes" to 1)
            }
            assertProblem("names a file", "export the bundle again") { open(bundle) }
        }
    }
    checks.test("a manifest that asks for what is not done here is refused") {
        val bundle = edited { manifest ->
            @Suppress("UNCHECKED_CAST")
            manifest["preprocess"] = (manifest["preprocess"] as Map<String, Any?>) + ("layout" to "NHWC")
        }
        assertProblem("layout", "NHWC", "newer app") { open(bundle) }
    }
    checks.test("a manifest of images that no phone holds is refused before anything is made") {
        val bundle = edited { it["preprocess"] = (it["preprocess"] as Map<*, *>) + ("size" to listOf(16_384, 8192)) }
        assertProblem("images of 8192x16384 px", "at most 16777216 pixels", "smaller size") { open(bundle) }
    }
    checks.test("a manifest that claims more of prompts than their encoding carries is refused") {
        fun claiming(vararg claims: Pair<String, Any?>) = edited { it["prompts"] = (it["prompts"] as Map<*, *>) + claims }
        for (claim in listOf("max_points" to 2, "negative_points" to true, "points_with_box" to true, "point_radius" to null)) {
            assertProblem("encoded as boxes", "and nothing else", "export the bundle again") { open(claiming(claim)) }
        }
        assertProblem("encoded as points, with a radius") { open(claiming("encoding" to "points")) }
        assertProblem("neither points nor boxes nor masks") {
            open(claiming("max_points" to 0, "boxes" to false, "point_radius" to null))
        }
        assertProblem("a stride without masks") { open(claiming("mask_stride" to 4)) }
        assertProblem("one mask a prompt") { open(claiming("single" to 0)) }
    }
    checks.test("a manifest whose parts do not fit is refused") {
        assertProblem("no classes") { open(edited { it["labels"] = null }) }
        assertProblem("not there, or twice") {
            open(edited { it["pipelines"] = listOf(mapOf("task" to "panoptic", "graphs" to listOf("lost"))) })
        }
        assertProblem("recipe", "expected a text") { open(edited { it["recipe"] = 1 }) }
        assertProblem("graphs", "expected a list") { open(edited { it.remove("graphs") }) }
    }
    checks.test("a bundle for another platform is refused") {
        val bundle = TinyBundle().apply { suffix = ".mlpackage" }.write()
        val path = open(bundle).manifest.graphs.first().path
        assertProblem("another platform", ".mlpackage", ".fake") { factoryFor(path, listOf(FakeFactory())) }
    }
}
