package org.rapsam.core

/**
 * Something that a file, a photo, a phone or a person caused, in one line: what is wrong, what was expected, what to do.
 * It is shown on the screen and written to the log; nothing of the app ends because of it.
 */
class Problem(message: String, cause: Throwable? = null) : Exception(printable(message), cause)

private const val MOST_SHOWN = 400

/** The first characters of a text that may come from anywhere, without control characters or line breaks. */
fun printable(text: String, most: Int = MOST_SHOWN): String {
    val shown = text.take(most).map { if (it.isISOControl() || it in '\u2028'..'\u2029') ' ' else it }.joinToString("")
    return if (text.length > most) "$shown..." else shown
}
