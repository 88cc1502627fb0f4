package org.rapsam.sample

import android.text.SpannableStringBuilder
import android.text.Spanned
import android.text.style.ForegroundColorSpan
import org.rapsam.core.session.Entry

private const val SWATCH = "\u25A0 "

/** A list of what was found, a line each, with a square in its colour. */
fun coloured(entries: List<Entry>): CharSequence {
    val text = SpannableStringBuilder()
    for (entry in entries) {
        val start = text.length
        text.append(SWATCH)
        text.setSpan(ForegroundColorSpan(entry.colour), start, text.length, Spanned.SPAN_EXCLUSIVE_EXCLUSIVE)
        text.append(if (entry.figure.isEmpty()) "${entry.name}\n" else "${entry.name}: ${entry.figure}\n")
    }
    return text
}
