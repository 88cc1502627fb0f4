package org.rapsam.core.selftest

import org.rapsam.core.bundle.Bundle
import org.rapsam.core.json.parseJson

private const val REPORT = "parity.json"

/**
 * Signal over error, in dB, that the toolkit found for outputs when it made the bundle; the lowest of all it knows.
 */
class Measured private constructor(private val lowest: Map<Triple<String, String, String>, Double>) {
    /** Where it found no error on an image, the lowest of the same output on others; null where it is not known. */
    fun of(graph: String, output: String, case: String): Double? = lowest[Triple(graph, output, case)]
        ?: lowest.filterKeys { it.first == graph && it.second == output }.values.minOrNull()

    companion object {
        /** Reads the report of a bundle; knows nothing where there is none. */
        fun read(bundle: Bundle): Measured {
            if (REPORT !in bundle) return Measured(emptyMap())
            val lowest = HashMap<Triple<String, String, String>, Double>()
            for (row in parseJson(bundle.text(REPORT), REPORT)["tensors"].items()) {
                val key = Triple(row["graph"].text(), row["output"].text(), row["case"].text())
                for (field in listOf("sqnr_db", "rounding_db")) {
                    val known = row[field].orNull()?.number() ?: continue
                    lowest[key] = minOf(known, lowest[key] ?: known)
                }
            }
            return Measured(lowest)
        }
    }
}
