package org.rapsam.core.photo

import java.io.File
import java.util.UUID

private val NAME = Regex("picture-[0-9a-f-]{36}\\.png")

/** Beside the newest: who is shown the one before may still be reading it. */
private const val KEPT = 1

/**
 * Pictures that were shared with other apps: each under a name of its own, so that an app which got one gets none of those that
 * are shared with others later.
 *
 * @param folder Where they lie; made when it is needed.
 */
class SharedPictures(private val folder: File) {
    /** A place for one more; all but the last are removed. */
    fun next(): File {
        folder.mkdirs()
        val old = folder.listFiles().orEmpty().filter { NAME.matches(it.name) }.sortedByDescending(File::lastModified)
        old.drop(KEPT).forEach { it.delete() }
        return File(folder, "picture-${UUID.randomUUID()}.png")
    }

    /** The picture of a name; null if there is none. */
    fun find(name: String?): File? =
        if (name != null && NAME.matches(name)) File(folder, name).takeIf { it.isFile } else null
}
