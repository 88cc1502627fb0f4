package org.rapsam.core.selftest

import java.util.Locale

/** The rows of a self-test for people: what was found, beside what the toolkit found. */
fun selfTestText(rows: List<SelfTestRow>): String {
    val sum = summary(
        rows.size,
        rows.count { it.verdict == Verdict.FAILED },
        rows.count { it.verdict == Verdict.UNKNOWN },
    )
    return rows.joinToString("\n\n", "$sum\n\n") { row ->
        val error = row.maxAbs?.let { "%.2g".format(Locale.ROOT, it) } ?: "NaN or infinite"
        "${row.verdict.name.lowercase()}: ${row.graph}.${row.output}\n${row.case}, largest difference $error\n" +
            "signal over error ${decibels(row.sqnrDb)}, expected about ${decibels(row.measuredDb)}"
    }
}

private fun summary(count: Int, failed: Int, unknown: Int): String = when {
    count == 0 -> "No output was compared: the bundle has no self-test"
    failed > 0 -> "$failed of $count outputs are wrong"
    unknown == 0 -> "All $count outputs are right"
    else -> "${count - unknown} of $count outputs are right; of the others the bundle does not say what to expect"
}

private fun decibels(value: Double?): String = value?.let { "%.0f dB".format(Locale.ROOT, it) } ?: "unknown"
