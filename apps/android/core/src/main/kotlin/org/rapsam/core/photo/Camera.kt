package org.rapsam.core.photo

import java.nio.ByteBuffer
import org.rapsam.core.Problem
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.packed

private val EXIF_OF_TURNS = mapOf(0 to 1, 90 to 6, 180 to 3, 270 to 8)
private const val FULL_TURN = 360

/** Why there is no live camera; null if there is one and it may be used. */
fun cameraProblem(isThere: Boolean, isAllowed: Boolean): Problem? = when {
    !isThere -> Problem("this phone has no camera that an app can use; choose a photo instead")
    !isAllowed -> Problem("the camera was refused; allow it in the settings of this app, or choose a photo instead")
    else -> null
}

/**
 * EXIF's number for a frame of a camera.
 *
 * @param sensor Degrees, clockwise, by which the sensor's images must be turned to be upright in the phone's own position.
 * @param screen Degrees, counter-clockwise, by which the screen has been turned out of it.
 * @param isFront Whether the camera looks at the person.
 */
fun exifOfFrame(sensor: Int, screen: Int, isFront: Boolean): Int {
    val turn = if (isFront) sensor + screen else sensor - screen + FULL_TURN
    return EXIF_OF_TURNS.getValue(turn % FULL_TURN)
}

/**
 * One plane of a camera's frame: bytes, with as many between rows and between pixels as it says.
 */
class Plane(val bytes: ByteBuffer, val rowStride: Int, val pixelStride: Int) {
    internal fun at(row: Int, column: Int): Int = bytes.get(row * rowStride + column * pixelStride).toInt() and 0xFF
}

/**
 * Makes a picture of a camera's frame in YUV 4:2:0, with the weights of JFIF (BT.601, full range).
 *
 * @param target Where the pixels go; a live camera keeps one.
 */
fun pictureOf(y: Plane, u: Plane, v: Plane, size: Size, target: IntArray = IntArray(size.area)): Picture {
    for (row in 0 until size.height) {
        for (column in 0 until size.width) {
            val light = y.at(row, column)
            val blue = u.at(row / 2, column / 2) - 128
            val red = v.at(row / 2, column / 2) - 128
            target[row * size.width + column] = packed(
                clipped(light + 1.402f * red),
                clipped(light - 0.344136f * blue - 0.714136f * red),
                clipped(light + 1.772f * blue),
            )
        }
    }
    return Picture(target, size)
}

private fun clipped(value: Float): Int = (value + 0.5f).toInt().coerceIn(0, 255)
