package org.rapsam.core.bench

import kotlin.math.abs
import kotlin.math.max

/** Runs whose medians are compared to tell whether times are steady, and the largest difference of two windows. */
private const val WINDOW = 5
private const val STEADY = 0.05
private const val MOST_PER_TURN = 20_000
private const val NS_PER_MS = 1e6
private const val MS_PER_S = 1e3

/** Milliseconds of one run. */
internal inline fun timed(run: () -> Unit): Double {
    val before = System.nanoTime()
    run()
    return (System.nanoTime() - before) / NS_PER_MS
}

/** @property samples Milliseconds of every run. */
internal class WarmUp(val samples: List<Double>, val isSteady: Boolean)

/**
 * Runs until times are steady: the medians of two windows of five runs differ by at most 5 %; as
 * benchmarks/latency/sampling.py has it. At least one run is made.
 *
 * @param atMostS It is given up then.
 */
internal fun warmUp(atMostS: Double, run: () -> Unit): WarmUp {
    val samples = ArrayList<Double>()
    val end = System.nanoTime() + atMostS * MS_PER_S * NS_PER_MS
    while (true) {
        samples += timed(run)
        if (samples.size >= 2 * WINDOW && samples.size % WINDOW == 0) {
            val older = median(samples.subList(samples.size - 2 * WINDOW, samples.size - WINDOW))
            val newer = median(samples.subList(samples.size - WINDOW, samples.size))
            if (abs(newer - older) <= STEADY * older) return WarmUp(samples, true)
        }
        if (System.nanoTime() >= end) return WarmUp(samples, false)
    }
}

/**
 * Times runs that follow each other; the first is not counted, it wakes the threads and fills the caches.
 *
 * @param atLeast Samples.
 * @param atLeastS Time of all samples together, in seconds.
 * @param atMostS No run begins after that.
 * @return Milliseconds of every run.
 */
internal fun sample(atLeast: Int, atLeastS: Double, atMostS: Double, run: () -> Unit): List<Double> {
    val samples = ArrayList<Double>()
    var spentS = 0.0
    run()
    while (true) {
        val taken = timed(run)
        samples += taken
        spentS += taken / MS_PER_S
        val isEnough = samples.size >= atLeast && spentS >= atLeastS
        if (isEnough || spentS >= max(atMostS, 0.0) || samples.size >= MOST_PER_TURN) return samples
    }
}

/** Of at least one number. */
internal fun median(values: List<Double>): Double {
    val ordered = values.sorted()
    val middle = ordered.size / 2
    return if (ordered.size % 2 == 1) ordered[middle] else (ordered[middle - 1] + ordered[middle]) / 2
}
