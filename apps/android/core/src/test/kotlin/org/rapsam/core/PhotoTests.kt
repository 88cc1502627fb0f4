package org.rapsam.core

import java.io.ByteArrayInputStream
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.file.Files
import org.rapsam.core.photo.CameraLife
import org.rapsam.core.photo.Plane
import org.rapsam.core.photo.SharedPictures
import org.rapsam.core.photo.cameraProblem
import org.rapsam.core.photo.checkAddress
import org.rapsam.core.photo.checkPhoto
import org.rapsam.core.photo.exifOfFrame
import org.rapsam.core.photo.pictureOf
import org.rapsam.core.photo.readingPhoto
import org.rapsam.core.photo.workingSize
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.turnedUpright

/** Photos and frames that nobody expects. */
fun photoTests(checks: Checks) {
    checks.test("a photo of one row, or of more than 100 megapixels, is refused") {
        assertProblem("4000x1 px", "at least 2 px") { checkPhoto("photo", 1, 4000) }
        assertProblem("10001x10000 px", "100 megapixels") { checkPhoto("photo", 10_000, 10_001) }
        assertProblem("16385x2 px") { checkPhoto("photo", 2, 16_385) }
        checkPhoto("photo", 10_000, 10_000)
        checkPhoto("photo", 2, 2)
    }
    checks.test("a name is shown without what would break a line") {
        assertProblem("a b is 1x9 px") { checkPhoto("a\nb", 9, 1) }
    }
    checks.test("a photo that memory does not hold is made smaller, or refused") {
        assertEqual(Size(100, 200), workingSize(Size(100, 200), 24L * 20_000))
        assertEqual(Size(50, 100), workingSize(Size(100, 200), 24L * 5_000))
        assertProblem("no memory left") { workingSize(Size(100, 200), 24) }
        assertProblem("no memory left") { workingSize(Size(100, 200), -5) }
    }
    addresses(checks)
    lives(checks)
    shared(checks)
    checks.test("an unknown orientation is refused") {
        assertProblem("orientation 9") { turnedUpright(Picture(IntArray(4), Size(2, 2)), 9) }
    }
    checks.test("a camera that is not there, or refused, is told") {
        assertEqual(null, cameraProblem(isThere = true, isAllowed = true))
        assertEqual(true, "no camera" in cameraProblem(isThere = false, isAllowed = true)!!.message!!)
        assertEqual(true, "refused" in cameraProblem(isThere = true, isAllowed = false)!!.message!!)
    }
    checks.test("frames are turned upright by sensor and screen") {
        assertEqual(6, exifOfFrame(sensor = 90, screen = 0, isFront = false))
        assertEqual(1, exifOfFrame(sensor = 90, screen = 90, isFront = false))
        assertEqual(3, exifOfFrame(sensor = 90, screen = 270, isFront = false))
        assertEqual(8, exifOfFrame(sensor = 270, screen = 0, isFront = true))
    }
    checks.test("frames become colours, with any strides") {
        val y = Plane(ByteBuffer.wrap(byteArrayOf(76, 0, -1, 0, 9, 76, 0, 0)), 5, 2)
        val u = Plane(ByteBuffer.wrap(byteArrayOf(85, 7)), 9, 2)
        val v = Plane(ByteBuffer.wrap(byteArrayOf(-1)), 1, 1)
        val found = pictureOf(y, u, v, Size(2, 2))
        assertEqual(listOf(254, 0, 0), listOf(16, 8, 0).map { found.argb[0] shr it and 255 })
        assertEqual(listOf(255, 179, 179), listOf(16, 8, 0).map { found.argb[1] shr it and 255 })
    }
}

private class Watched(private val broken: Boolean) : InputStream() {
    var isClosed = false

    override fun read(): Int = if (broken) throw IOException("the line is cut") else -1

    override fun close() {
        isClosed = true
    }
}

private fun addresses(checks: Checks) {
    checks.test("a photo that another app cannot give is told, whatever that app does") {
        for ((error, words) in listOf(
            FileNotFoundException("no such photo") to "cannot be read (no such photo)",
            SecurityException("not yours") to "may not be read by this app",
            IllegalArgumentException("unknown address") to "the app that has the photo fails to give it (unknown address)",
            UnsupportedOperationException() to "fails to give it",
        )) {
            assertProblem(words, "choose it again") { readingPhoto("the photo", { throw error }) { it.read() } }
        }
        assertProblem("not there any more") { readingPhoto("the photo", { null }) { it.read() } }
    }
    checks.test("a photo is closed once it is read, or cannot be") {
        val (whole, broken) = listOf(Watched(false), Watched(true))
        assertEqual(-1, readingPhoto("the photo", { whole }) { it.read() })
        assertProblem("the line is cut") { readingPhoto("the photo", { broken }) { it.read() } }
        assertEqual(listOf(true, true), listOf(whole.isClosed, broken.isClosed))
    }
    checks.test("a reader may find nothing, as one does that asks for the size alone") {
        assertEqual(null, readingPhoto<Int?>("the photo", { ByteArrayInputStream(ByteArray(1)) }) { null })
    }
    checks.test("addresses that no app shares photos by are refused") {
        checkAddress("the photo", "content")
        for (scheme in listOf("file", "http", "android.resource", "", null)) {
            assertProblem("is given as \"${scheme.orEmpty()}\"") { checkAddress("the photo", scheme) }
        }
    }
}

private class Thread {
    var ends = 0
    val life = CameraLife { ends++ }
}

private fun lives(checks: Checks) {
    checks.test("a camera that is given is wanted until it is closed, and the thread ends once") {
        val one = Thread()
        one.life.asked()
        assertEqual(true, one.life.answered())
        assertEqual(0, one.ends)
        one.life.closed()
        one.life.closed()
        assertEqual(false, one.life.answered())
        assertEqual(1, one.ends)
    }
    checks.test("a camera that is given when nobody wants it any more is heard of before the thread ends") {
        val one = Thread()
        one.life.asked()
        one.life.closed()
        assertEqual(0, one.ends)
        assertEqual(false, one.life.answered())
        assertEqual(1, one.ends)
    }
    checks.test("a camera that was never asked for ends at once, one that is refused when it is closed") {
        assertEqual(1, Thread().apply { life.closed() }.ends)
        val refused = Thread().apply { life.asked() }
        assertEqual(true, refused.life.answered())
        refused.life.closed()
        assertEqual(1, refused.ends)
    }
}

private fun shared(checks: Checks) {
    checks.test("each shared picture has a name of its own, and old ones are removed") {
        val folder = File(Files.createTempDirectory("cache").toFile(), "shared")
        val pictures = SharedPictures(folder)
        val places = List(4) { number ->
            pictures.next().apply {
                writeText("$number")
                setLastModified(1_000_000L * (number + 1))
            }
        }
        assertEqual(4, places.map { it.name }.toSet().size)
        assertEqual(listOf(false, false, true, true), places.map { it.exists() })
        assertEqual(places[3], pictures.find(places[3].name))
        assertEqual(null, pictures.find(places[0].name))
    }
    checks.test("nothing but shared pictures is found by a name") {
        val folder = Files.createTempDirectory("cache").toFile()
        File(folder, "other.png").writeText("other")
        for (name in listOf("other.png", "../other.png", "", "picture-.png", null)) {
            assertEqual(null, SharedPictures(folder).find(name))
        }
    }
}
