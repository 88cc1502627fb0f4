package org.rapsam.sample

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.media.ExifInterface
import android.net.Uri
import java.io.InputStream
import org.rapsam.core.Problem
import org.rapsam.core.photo.checkAddress
import org.rapsam.core.photo.checkPhoto
import org.rapsam.core.photo.readingPhoto
import org.rapsam.core.photo.workingSize
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.turnedUpright

private const val NAME = "the photo"

/**
 * Reads a photo: upright, transparency on white, made smaller where memory would not do.
 *
 * @throws Problem If it cannot be read, or is too small or too large.
 */
fun readPhoto(photos: ContentResolver, uri: Uri): Picture {
    checkAddress(NAME, uri.scheme)
    val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
    opened(photos, uri) { BitmapFactory.decodeStream(it, null, bounds) }
    if (bounds.outWidth <= 0) {
        throw Problem("$NAME cannot be read: it is damaged, or of an unknown format; take a JPEG or PNG")
    }
    checkPhoto(NAME, bounds.outHeight, bounds.outWidth)
    val runtime = Runtime.getRuntime()
    val free = runtime.maxMemory() - runtime.totalMemory() + runtime.freeMemory()
    val size = workingSize(Size(bounds.outHeight, bounds.outWidth), free)
    val options = BitmapFactory.Options().apply {
        inPreferredConfig = Bitmap.Config.ARGB_8888
        // Powers of two: what is left of the way down is done by scaling.
        inSampleSize = Integer.highestOneBit(minOf(bounds.outHeight / size.height, bounds.outWidth / size.width))
    }
    val decoded = opened(photos, uri) { BitmapFactory.decodeStream(it, null, options) }
        ?: throw Problem("$NAME is damaged; take another one")
    val isFitting = decoded.height <= size.height
    val fitting = if (isFitting) decoded else Bitmap.createScaledBitmap(decoded, size.width, size.height, true)
    val exif = opened(photos, uri) { ExifInterface(it) }.getAttributeInt(ExifInterface.TAG_ORIENTATION, 1)
    return turnedUpright(pictureOf(fitting), if (exif in 1..8) exif else 1)
}

/** The pixels of a bitmap, transparency on white. */
private fun pictureOf(bitmap: Bitmap): Picture {
    val size = Size(bitmap.height, bitmap.width)
    val argb = IntArray(size.area)
    bitmap.getPixels(argb, 0, size.width, 0, 0, size.width, size.height)
    if (bitmap.hasAlpha()) for (i in argb.indices) argb[i] = onWhite(argb[i])
    return Picture(argb, size)
}

/** A picture for the screen. */
fun bitmapOf(picture: Picture): Bitmap =
    Bitmap.createBitmap(picture.argb, picture.size.width, picture.size.height, Bitmap.Config.ARGB_8888)

private fun onWhite(pixel: Int): Int {
    val alpha = pixel ushr 24
    var mixed = 0xFF
    for (shift in intArrayOf(16, 8, 0)) {
        val part = pixel shr shift and 0xFF
        mixed = mixed shl 8 or (part * alpha + 0xFF * (0xFF - alpha) + 0x7F) / 0xFF
    }
    return mixed
}

private fun <T> opened(photos: ContentResolver, uri: Uri, read: (InputStream) -> T): T =
    readingPhoto(NAME, { photos.openInputStream(uri) }, read)
