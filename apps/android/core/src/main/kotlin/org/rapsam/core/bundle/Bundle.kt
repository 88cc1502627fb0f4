package org.rapsam.core.bundle

import java.nio.ByteBuffer
import org.rapsam.core.Problem

internal const val MANIFEST = "manifest.json"
private const val SEAL = "manifest.sha256"
private const val MAX_MANIFEST_BYTES = 8 shl 20
private const val MAX_SEAL_BYTES = 200

/**
 * A folder that `rapsam export` made, whose files are those that its manifest names.
 *
 * Nothing is signed: this finds damage and edits, not a forger who writes new digests too.
 */
class Bundle private constructor(private val source: BundleSource, val manifest: Manifest) {
    private val files = manifest.files.associateBy { it.path }

    /** Whether there is a file of this path. */
    operator fun contains(path: String): Boolean = path in files

    /**
     * Reads a file, and compares it with the manifest.
     *
     * @return All of it, from its beginning.
     * @throws Problem If it is not there, or is another one than the manifest names.
     */
    fun file(path: String): ByteBuffer {
        val entry = files[path] ?: throw Problem("the bundle has no file $path; export it again")
        return readVerified(source, entry)
    }

    /** A file as text in UTF-8; see [file]. */
    fun text(path: String): String {
        val buffer = file(path)
        val bytes = ByteArray(buffer.remaining())
        buffer.get(bytes)
        return utf8(bytes, path)
    }

    companion object {
        /**
         * Opens a bundle: reads its manifest, and compares every file with it.
         *
         * @param onProgress Told which file is being read.
         * @throws Problem If it is altered, incomplete, or of another schema than this app reads.
         */
        fun open(source: BundleSource, onProgress: (String) -> Unit = {}): Bundle {
            val bytes = readBounded(source, MANIFEST, MAX_MANIFEST_BYTES)
            val seal = utf8(readBounded(source, SEAL, MAX_SEAL_BYTES), SEAL)
            if (seal.substringBefore(' ') != sha256(bytes)) {
                throw Problem("$MANIFEST is not what was sealed; copy or export the bundle again")
            }
            val bundle = Bundle(source, readManifest(utf8(bytes, MANIFEST)))
            val added = source.list() - bundle.files.keys - setOf(MANIFEST, SEAL)
            if (added.isNotEmpty()) {
                throw Problem("the bundle holds ${added.first()}, which its manifest does not name; copy it again")
            }
            for (file in bundle.manifest.files) {
                onProgress(file.path)
                verify(source, file)
            }
            return bundle
        }
    }
}
