package org.rapsam.sample

import android.content.res.AssetManager
import java.io.File
import java.io.InputStream
import org.rapsam.core.bundle.BundleSource
import org.rapsam.core.bundle.FolderSource

private const val FOLDER = "bundle"

/** The bundle that came with the app. */
class AssetSource(private val assets: AssetManager) : BundleSource {
    override val name: String get() = "of the app"

    override fun list(): List<String> {
        val found = ArrayList<String>()
        walk("", found)
        return found
    }

    /** A folder is what has entries; empty ones do not come into an app. */
    private fun walk(prefix: String, found: MutableList<String>) {
        for (name in assets.list((FOLDER + "/" + prefix).trimEnd('/')).orEmpty()) {
            val path = prefix + name
            if (assets.list("$FOLDER/$path").isNullOrEmpty()) found += path else walk("$path/", found)
        }
    }

    override fun open(path: String): InputStream = assets.open("$FOLDER/$path")
}

/** The bundle that a computer has pushed into the app's documents, else the one that came with the app. */
fun bundleSource(assets: AssetManager, documents: File?): BundleSource {
    val pushed = documents?.let { File(it, FOLDER) }
    return if (pushed != null && File(pushed, "manifest.json").isFile) FolderSource(pushed) else AssetSource(assets)
}
