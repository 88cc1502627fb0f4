package org.rapsam.sample

import android.content.ContentProvider
import android.content.ContentValues
import android.content.Context
import android.database.Cursor
import android.database.MatrixCursor
import android.graphics.Bitmap
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import org.rapsam.core.Problem

private const val FILE = "overlay.png"
private const val FULL_QUALITY = 100

/** What the shared picture is. */
const val OVERLAY_TYPE = "image/png"

/** The picture that was saved last. */
val OVERLAY_URI: Uri = Uri.parse("content://org.rapsam.sample.overlay/$FILE")

/**
 * Saves a picture for [OverlayProvider].
 *
 * @throws Problem If there is no space.
 */
fun saveOverlay(context: Context, bitmap: Bitmap) = try {
    File(context.cacheDir, FILE).outputStream().use { bitmap.compress(Bitmap.CompressFormat.PNG, FULL_QUALITY, it) }
} catch (error: IOException) {
    throw Problem("the picture cannot be saved (${error.message}); free some space on the phone", error)
}

/** Gives the app that a picture is shared with that one file, to read. */
class OverlayProvider : ContentProvider() {
    override fun onCreate(): Boolean = true

    override fun getType(uri: Uri): String = OVERLAY_TYPE

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        if (uri != OVERLAY_URI || mode != "r") throw FileNotFoundException("$uri")
        return ParcelFileDescriptor.open(file(), ParcelFileDescriptor.MODE_READ_ONLY)
    }

    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        arguments: Array<String>?,
        order: String?,
    ): Cursor {
        val columns = arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE)
        return MatrixCursor(columns).apply { addRow(arrayOf<Any>(FILE, file().length())) }
    }

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?): Int = 0

    override fun delete(uri: Uri, selection: String?, arguments: Array<String>?): Int = 0

    private fun file() = File(context!!.cacheDir, FILE)
}
