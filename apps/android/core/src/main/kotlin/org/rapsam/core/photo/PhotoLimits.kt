package org.rapsam.core.photo

import kotlin.math.sqrt
import org.rapsam.core.Problem
import org.rapsam.core.printable
import org.rapsam.core.tasks.Size

/** As in rapsam/data/limits.py. */
private const val MIN_SIDE = 2
private const val MAX_SIDE = 16_384
private const val MAX_PIXELS = 100_000_000L

/** Bytes that the app needs for each pixel of a photo: pixels, overlay, map, masks, and the bitmap on the screen. */
private const val BYTES_PER_PIXEL = 24

/**
 * Checks the size that a photo says it has, before it is decoded.
 *
 * @throws Problem If it is too small or too large to work with.
 */
fun checkPhoto(name: String, height: Int, width: Int) {
    val shown = "${printable(name)} is ${width}x$height px"
    if (minOf(height, width) < MIN_SIDE) {
        throw Problem("$shown; expected sides of at least $MIN_SIDE px: take a larger photo")
    }
    if (maxOf(height, width) > MAX_SIDE || height.toLong() * width > MAX_PIXELS) {
        throw Problem(
            "$shown; expected sides of at most $MAX_SIDE px and at most ${MAX_PIXELS / 1_000_000} megapixels: scale it " +
                "down first",
        )
    }
}

/**
 * The size at which a photo is worked on: its own, or as large as the memory allows.
 *
 * @param freeBytes Of memory that the app may still take.
 * @throws Problem If not even a small photo fits.
 */
fun workingSize(photo: Size, freeBytes: Long): Size {
    val most = freeBytes / BYTES_PER_PIXEL
    val pixels = photo.height.toLong() * photo.width
    if (pixels <= most) return photo
    val scale = sqrt(most.toDouble() / pixels)
    val size = Size((photo.height * scale).toInt(), (photo.width * scale).toInt())
    if (minOf(size.height, size.width) < MIN_SIDE) {
        throw Problem("the phone has no memory left for a photo of $photo; close other apps, or take a smaller one")
    }
    return size
}
