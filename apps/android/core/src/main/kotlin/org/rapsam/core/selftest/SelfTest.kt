package org.rapsam.core.selftest

import kotlin.math.abs
import kotlin.math.log10
import kotlin.math.sqrt
import org.rapsam.core.run.LoadedBundle
import org.rapsam.core.run.runChain

/** An output may be this much worse than the worst that the toolkit found: ten times the error. */
private const val TOLERATED_DB = 20.0

/** What an output is judged. */
enum class Verdict {
    /** As near to the reference as the toolkit found it, or not much less. */
    PASSED,

    /** Much farther from it than the toolkit found it, or not finite. */
    FAILED,

    /** The bundle does not say how near it was. */
    UNKNOWN,
}

/**
 * One output of a graph on one input.
 *
 * @property maxAbs Largest difference; null where a value is not finite.
 * @property sqnrDb Signal over error; null without any error, or where a value is not finite.
 * @property measuredDb What the toolkit found; null where it is not known.
 */
data class SelfTestRow(
    val graph: String,
    val output: String,
    val case: String,
    val maxAbs: Double?,
    val cosine: Double?,
    val sqnrDb: Double?,
    val measuredDb: Double?,
    val verdict: Verdict,
)

/**
 * Compares what the graphs return on this device with what the reference returned: the stored inputs, through all graphs as
 * an app runs them, so that errors add up as they do here.
 *
 * The gates of `rapsam parity` and `rapsam bench` are the toolkit's. Here an output fails if its error is more than ten times
 * the largest that the toolkit found for it, in any runtime or by rounding alone.
 *
 * @param onCase Told which case begins.
 * @throws org.rapsam.core.Problem If a file of the self-test is damaged, or a graph fails.
 */
fun selfTest(loaded: LoadedBundle, onCase: (String) -> Unit = {}): List<SelfTestRow> {
    val measured = Measured.read(loaded.bundle)
    val names = loaded.graphs.keys.toList()
    return goldenCases(loaded.bundle).flatMap { case ->
        onCase(case.name)
        val steps = runChain(names, loaded.graphs, case.given).associateBy { it.contract.graph }
        case.outputs.map { stored ->
            val found = steps.getValue(stored.graph).outputs.getValue(stored.output)
            val figures = Figures(found.data, stored)
            val known = measured.of(stored.graph, stored.output, case.name)
            SelfTestRow(
                stored.graph, stored.output, case.name, figures.maxAbs, figures.cosine, figures.sqnrDb, known,
                verdictOf(figures, known),
            )
        }
    }
}

private fun verdictOf(figures: Figures, measuredDb: Double?): Verdict {
    val ratio = figures.sqnrDb
    return when {
        figures.maxAbs == null -> Verdict.FAILED
        ratio == null -> Verdict.PASSED
        measuredDb == null -> Verdict.UNKNOWN
        ratio >= measuredDb - TOLERATED_DB -> Verdict.PASSED
        else -> Verdict.FAILED
    }
}

/** What two lists of numbers have to do with each other. */
private class Figures(found: FloatArray, stored: GoldenOutput) {
    private var largest = 0.0
    private var errors = 0.0
    private var signal = 0.0
    private var own = 0.0
    private var both = 0.0

    init {
        for ((place, reference) in stored.values.withIndex()) {
            val value = found[place * stored.step].toDouble()
            val difference = abs(value - reference)
            // "not at most" and not "more": NaN must stay.
            if (!(difference <= largest)) largest = difference
            errors += difference * difference
            signal += reference.toDouble() * reference
            own += value * value
            both += value * reference
        }
    }

    val maxAbs: Double? = largest.takeIf { it.isFinite() && errors.isFinite() }
    val sqnrDb: Double? = if (maxAbs == null || errors == 0.0) null else 10 * log10(signal / errors)
    val cosine: Double? = (both / sqrt(own * signal)).takeIf { it.isFinite() }
}
