package org.rapsam.core.photo

import java.io.IOException
import java.io.InputStream
import org.rapsam.core.Problem

/** What apps share their files by; anything else could lead to files of this app itself. */
private const val SHARED = "content"

/**
 * Checks the kind of address that another app gives for a photo.
 *
 * @throws Problem If apps share nothing by it.
 */
fun checkAddress(name: String, scheme: String?) {
    if (scheme != SHARED) {
        throw Problem("$name is given as \"${scheme.orEmpty()}\"; expected \"$SHARED\", as apps share files: choose it in this app")
    }
}

/**
 * Reads a photo that another app gives, and that may be gone, forbidden, or make that app fail in any way.
 *
 * @param open Opens it; null if it is not there.
 * @param read Reads it; what it returns is returned, null too.
 * @throws Problem If it cannot be opened or read.
 */
fun <T> readingPhoto(name: String, open: () -> InputStream?, read: (InputStream) -> T): T = try {
    val stream = open() ?: throw Problem("$name is not there any more; choose it again")
    stream.use(read)
} catch (error: IOException) {
    throw Problem("$name cannot be read (${error.message}); choose it again", error)
} catch (error: SecurityException) {
    throw Problem("$name may not be read by this app; choose it again", error)
} catch (error: RuntimeException) {
    // An exception of the other app is thrown here as if it were this app's own.
    throw Problem("the app that has $name fails to give it (${error.message}); choose it again, or another one", error)
}
