package org.rapsam.core

import java.nio.ByteBuffer
import org.rapsam.core.photo.Plane
import org.rapsam.core.photo.cameraProblem
import org.rapsam.core.photo.checkPhoto
import org.rapsam.core.photo.exifOfFrame
import org.rapsam.core.photo.pictureOf
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
