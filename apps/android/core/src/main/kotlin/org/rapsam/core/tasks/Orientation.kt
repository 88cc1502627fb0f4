package org.rapsam.core.tasks

import org.rapsam.core.Problem

/** What EXIF says of photographs that are stored as they are shown. */
const val UPRIGHT = 1

/**
 * Turns a photograph as it is meant to be seen: Android's decoders leave it as it is stored.
 *
 * @param exif EXIF's number, 1 to 8.
 * @throws Problem For another number.
 */
fun turnedUpright(stored: Picture, exif: Int): Picture {
    if (exif !in 1..8) throw Problem("orientation $exif is not one of EXIF's; expected 1 to 8: save the photo anew")
    if (exif == UPRIGHT) return stored
    val (height, width) = stored.size
    val isTransposed = exif >= 5
    val size = if (isTransposed) Size(width, height) else stored.size
    val fromRight = exif == 2 || exif == 3 || exif == 7 || exif == 8
    val fromBelow = exif == 3 || exif == 4 || exif == 6 || exif == 7
    val argb = IntArray(size.area)
    var to = 0
    for (y in 0 until size.height) {
        for (x in 0 until size.width) {
            val row = if (isTransposed) x else y
            val column = if (isTransposed) y else x
            val storedRow = if (fromBelow) height - 1 - row else row
            val storedColumn = if (fromRight) width - 1 - column else column
            argb[to++] = stored.argb[storedRow * width + storedColumn]
        }
    }
    return Picture(argb, size)
}
