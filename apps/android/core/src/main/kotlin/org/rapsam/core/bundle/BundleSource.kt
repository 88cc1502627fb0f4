package org.rapsam.core.bundle

import java.io.File
import java.io.InputStream
import java.io.IOException
import org.rapsam.core.Problem

private const val MAX_FILES = 2000
private const val MAX_DEPTH = 8
private val OF_FILE_MANAGERS = setOf(".DS_Store", "Thumbs.db", "desktop.ini")

/** Where the files of a bundle lie. */
interface BundleSource {
    /** For messages. */
    val name: String

    /** Paths of all files, with "/" between folders; those that file managers leave are not among them. */
    fun list(): List<String>

    /**
     * Opens a file.
     *
     * @throws IOException If it is not there or cannot be read.
     */
    fun open(path: String): InputStream
}

/** Whether a file manager left a file of this name; it is not read, and no fault. */
internal fun isOfFileManager(name: String): Boolean = name in OF_FILE_MANAGERS || name.startsWith("._")

/** A bundle in a folder. */
class FolderSource(private val folder: File) : BundleSource {
    override val name: String get() = folder.path

    override fun list(): List<String> {
        val found = ArrayList<String>()
        walk(folder, "", 0, found)
        return found
    }

    private fun walk(at: File, prefix: String, depth: Int, found: MutableList<String>) {
        val entries = at.listFiles() ?: throw Problem("$name cannot be read; expected the folder of a bundle")
        if (depth > MAX_DEPTH) throw Problem("$name has folders too deep for a bundle; copy the bundle again")
        for (entry in entries.sortedBy { it.name }) {
            val path = prefix + entry.name
            if (isOfFileManager(entry.name)) continue
            if (found.size >= MAX_FILES) throw Problem("$name has more than $MAX_FILES files; expected a bundle")
            // A link could lead to anything on this device.
            if (entry.canonicalFile != File(at.canonicalFile, entry.name)) {
                throw Problem("$path in $name is a link; expected plain files: copy the bundle again")
            }
            if (entry.isDirectory) walk(entry, "$path/", depth + 1, found) else found += path
        }
    }

    override fun open(path: String): InputStream = File(folder, path).inputStream()
}
