package org.rapsam.core.bundle

import java.io.InputStream
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException
import java.security.MessageDigest
import org.rapsam.core.Problem

/**
 * Reads a file of at most so many bytes.
 *
 * @throws Problem If it is missing, larger, or cannot be read.
 */
internal fun readBounded(source: BundleSource, path: String, most: Int): ByteArray =
    reading(source, path) { stream ->
        val bytes = ByteArray(most + 1)
        var count = 0
        while (count < bytes.size) {
            val more = stream.read(bytes, count, bytes.size - count)
            if (more < 0) break
            count += more
        }
        if (count > most) throw Problem("$path has more than $most bytes; copy or export the bundle again")
        bytes.copyOf(count)
    }

/**
 * Reads a file whose size and digest are known, into memory that native code reads where it is.
 *
 * @throws Problem If it is missing, or another one.
 */
internal fun readVerified(source: BundleSource, file: FileEntry): ByteBuffer {
    val buffer = ByteBuffer.allocateDirect(file.sizeBytes)
    streamVerified(source, file) { chunk, count -> buffer.put(chunk, 0, count) }
    buffer.flip()
    return buffer
}

/**
 * Compares a file with its size and digest, and keeps nothing of it.
 *
 * @throws Problem If it is missing, or another one.
 */
internal fun verify(source: BundleSource, file: FileEntry) = streamVerified(source, file) { _, _ -> }

private fun streamVerified(source: BundleSource, file: FileEntry, take: (ByteArray, Int) -> Unit) {
    val digest = MessageDigest.getInstance("SHA-256")
    val chunk = ByteArray(1 shl 16)
    var left = file.sizeBytes
    reading(source, file.path) { stream ->
        while (left >= 0) {
            val count = stream.read(chunk)
            if (count < 0) break
            left -= count
            if (left < 0) break
            take(chunk, count)
            digest.update(chunk, 0, count)
        }
    }
    if (left != 0 || hex(digest.digest()) != file.sha256) {
        throw Problem("${file.path} is not the file that the manifest names; copy the bundle again")
    }
}

/** SHA-256 in lower-case hexadecimal digits. */
internal fun sha256(bytes: ByteArray): String = hex(MessageDigest.getInstance("SHA-256").digest(bytes))

/** Decodes UTF-8 strictly. */
internal fun utf8(bytes: ByteArray, name: String): String = try {
    Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString()
} catch (error: CharacterCodingException) {
    throw Problem("$name is damaged: it is no UTF-8 text; copy it again", error)
}

private inline fun <T> reading(source: BundleSource, path: String, read: (InputStream) -> T): T = try {
    source.open(path).use(read)
} catch (error: IOException) {
    throw Problem("cannot read $path of the bundle ${source.name}; copy or export the bundle again", error)
}

private fun hex(bytes: ByteArray): String = bytes.joinToString("") { "%02x".format(it) }
