package org.rapsam.core.selftest

import java.util.Locale

/** The rows of a self-test for people: what was found, beside what the toolkit found. */
fun selfTestText(rows: List<SelfTestRow>): String {
    val failed = rows.count { it.verdict == Verdict.FAILED }
    val sum = if (failed == 0) "All ${rows.size} outputs are right" else "$failed of ${rows.size} outputs are wrong"
    return rows.joinToString("\n\n", "$sum\n\n") { row ->
        val error = row.maxAbs?.let { "%.2g".format(Locale.ROOT, it) } ?: "NaN or infinite"
        "${row.verdict.name.lowercase()}: ${row.graph}.${row.output}\n${row.case}, largest difference $error\n" +
            "signal over error ${decibels(row.sqnrDb)}, expected about ${decibels(row.measuredDb)}"
    }
}

private fun decibels(value: Double?): String = value?.let { "%.0f dB".format(Locale.ROOT, it) } ?: "unknown"
