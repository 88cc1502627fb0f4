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
import org.rapsam.core.photo.SharedPictures

private const val FOLDER = "shared"
private const val AUTHORITY = "org.rapsam.sample.overlay"
private const val FULL_QUALITY = 100

/** What a shared picture is. */
const val OVERLAY_TYPE = "image/png"

/**
 * Saves a picture for [OverlayProvider].
 *
 * @return Its address, for the app that it is shared with.
 * @throws Problem If there is no space.
 */
fun saveOverlay(context: Context, bitmap: Bitmap): Uri {
    val file = pictures(context).next()
    try {
        val isWhole = file.outputStream().use { bitmap.compress(Bitmap.CompressFormat.PNG, FULL_QUALITY, it) }
        if (!isWhole) throw IOException("it cannot be written")
    } catch (error: IOException) {
        file.delete()
        throw Problem("the picture cannot be saved (${error.message}); free some space on the phone", error)
    }
    return Uri.Builder().scheme("content").authority(AUTHORITY).appendPath(file.name).build()
}

private fun pictures(context: Context) = SharedPictures(File(context.cacheDir, FOLDER))

/** Gives an app that a picture is shared with that one, to read. */
class OverlayProvider : ContentProvider() {
    override fun onCreate(): Boolean = true

    override fun getType(uri: Uri): String = OVERLAY_TYPE

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        val file = if (mode == "r") found(uri) else null
        return ParcelFileDescriptor.open(file ?: throw FileNotFoundException("$uri"), ParcelFileDescriptor.MODE_READ_ONLY)
    }

    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        arguments: Array<String>?,
        order: String?,
    ): Cursor {
        val file = found(uri)
        val facts = mapOf<String, Any?>(OpenableColumns.DISPLAY_NAME to file?.name, OpenableColumns.SIZE to file?.length())
        val columns = projection ?: facts.keys.toTypedArray()
        val table = MatrixCursor(columns)
        if (file != null) table.addRow(columns.map(facts::get))
        return table
    }

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?): Int = 0

    override fun delete(uri: Uri, selection: String?, arguments: Array<String>?): Int = 0

    private fun found(uri: Uri): File? = pictures(context!!).find(uri.lastPathSegment)
}
