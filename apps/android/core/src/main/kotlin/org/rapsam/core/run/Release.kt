package org.rapsam.core.run

import org.rapsam.core.Problem

private val NUMBERS = Regex("[0-9]+(?:\\.[0-9]+)*")

/** The first number of a text with what follows it behind points, as in "onnxruntime 1.17.0"; null if none is there that fits. */
internal fun versionNumbers(text: String): List<Int>? {
    val numbers = NUMBERS.find(text)?.value?.split(".")?.map { it.toIntOrNull() } ?: return null
    return if (null in numbers) null else numbers.filterNotNull()
}

/**
 * Compares a runtime with the oldest one that a bundle needs: the name, and the release where both say what they are.
 *
 * @param manifestName See [EngineFactory.manifestName].
 * @throws Problem That names both, if it is another or older.
 */
internal fun checkRelease(engine: Engine, runtime: String, manifestName: String, needed: String) {
    val named = needed.takeWhile { it !in '0'..'9' }.trim()
    if (named.isNotEmpty() && named != manifestName) {
        throw Problem("the bundle needs $needed, this app runs such files with $runtime: export the bundle again, for Android")
    }
    val found = versionNumbers(engine.version ?: return) ?: return
    val wanted = versionNumbers(needed) ?: return
    val differing = (0 until maxOf(found.size, wanted.size)).find { found.part(it) != wanted.part(it) } ?: return
    if (found.part(differing) < wanted.part(differing)) {
        throw Problem(
            "the bundle needs $needed, this app has $runtime ${engine.version}: install a newer app, or another bundle",
        )
    }
}

private fun List<Int>.part(place: Int) = getOrElse(place) { 0 }
