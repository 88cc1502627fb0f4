package org.rapsam.core.bench

import java.util.Locale

/** What the benchmark's screen asks for: a fifth of what `rapsam bench` asks for, as somebody is waiting. */
fun screenJob(runtime: String): Job = Job(
    "screen",
    runtime,
    threads = null,
    timing = Timing(
        iters = 10,
        minSeconds = 0.2,
        maxSeconds = 12.0,
        rounds = 2,
        pauseS = 0.1,
        warmupMaxS = 5.0,
        stages = emptyList(),
        sustainedS = null,
    ),
)

/** Medians for people. */
fun findingsText(found: Findings): String {
    val stages = found.stages.joinToString("\n") { stage ->
        val name = listOfNotNull(stage.kind, stage.of).joinToString(" ")
        "%-24s %8.1f ms".format(Locale.ROOT, name, median(stage.samplesMs))
    }
    val loads = found.graphs.entries.joinToString("\n") { (name, times) ->
        "%-24s %8.1f ms".format(Locale.ROOT, "load $name", times.loadMs)
    }
    val peak = found.memory?.let { "\n\npeak memory ${it.peakMb} MiB" }.orEmpty()
    val heat = if (found.heat.isEmpty()) "" else "\nheat ${found.heat.joinToString()}"
    return "Medians on ${found.input}\n\n$stages\n\n$loads$peak$heat"
}
