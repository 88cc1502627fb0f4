package org.rapsam.core.bench

import kotlin.math.ceil
import kotlin.math.min
import org.rapsam.core.bundle.Bundle
import org.rapsam.core.run.EngineFactory
import org.rapsam.core.run.LoadedBundle
import org.rapsam.core.run.runChain
import org.rapsam.core.selftest.goldenCases
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.resized

/** About what a camera shows while one looks. */
private val PHOTO = Size(960, 1280)
private const val WINDOW_S = 5.0
private const val MS_PER_S = 1e3
private const val NS_PER_S = 1e9

/** Where the outputs of the self-test go: case, graph and output by their places. */
typealias TakeOutput = (case: Int, graph: Int, output: Int, values: FloatArray) -> Unit

/**
 * Measures a bundle, and runs its self-test: whoever has the references and the gates will judge.
 *
 * @param tell Told what begins now.
 */
class Benchmark(private val job: Job, private val phone: Phone, private val tell: (String) -> Unit) {
    private val graphs = LinkedHashMap<String, GraphTimes>()
    private val windows = ArrayList<Window>()
    private val charges = ArrayList<Charge>()
    private val heat = ArrayList<String>()
    private var loadedAt = 0L

    /**
     * Runs the job.
     *
     * @throws org.rapsam.core.Problem If the bundle, the runtime or the job cannot be used.
     */
    fun run(bundle: Bundle, factory: EngineFactory, takeOutput: TakeOutput): Findings {
        val facts = phone.facts()
        val baseline = phone.memoryMb()
        tell("Loading")
        val loaded = LoadedBundle.load(bundle, factory, job.runtime, job.threads) { entry, load ->
            graphs[entry.contract.graph] = GraphTimes(loadMs = timed(load))
        }
        loaded.use {
            loadedAt = System.nanoTime()
            for ((name, graph) in loaded.graphs) graphs.getValue(name).reported = graph.reported
            val stages = measure(loaded, takeOutput)
            val peak = phone.peakMemory()?.let { (mb, metric) -> MemoryUse(baseline, mb, metric) }
            return Findings(
                facts, loaded.engine.version, graphs, stages, windows, peak, charges, heat,
                "the first image of the bundle's self-test, enlarged to $PHOTO, and prompts on it",
            )
        }
    }

    private fun measure(loaded: LoadedBundle, takeOutput: TakeOutput): List<StageTimes> {
        val cases = goldenCases(loaded.bundle)
        tell("First runs")
        val picture = resized(cases.first().picture, PHOTO)
        val found = Stages(loaded, picture) { name, run ->
            val before = System.nanoTime()
            run().also { graphs.getValue(name).firstMs = (System.nanoTime() - before) / 1e6 }
        }
        val stages = wantedStages(found.all, job.timing.stages)
        tell("Self-test")
        for ((place, case) in cases.withIndex()) {
            for ((graph, step) in runChain(loaded.graphs.keys.toList(), loaded.graphs, case.given).withIndex()) {
                for ((output, spec) in step.contract.outputs.withIndex()) {
                    takeOutput(place, graph, output, step.outputs.getValue(spec.name).data)
                }
            }
        }
        tell("Warming up")
        for ((name, graph) in loaded.graphs) {
            graphs.getValue(name).warmUp = warmUp(job.timing.warmupMaxS) { graph.run(found.inputsOf(name)) }
        }
        val times = stages.map { StageTimes(it.kind, it.of, "burst", ArrayList()) }
        takeTurns(stages, times)
        return times + listOfNotNull(sustained(stages))
    }

    private fun takeTurns(stages: List<Stage>, times: List<StageTimes>) {
        val timing = job.timing
        val count = ceil(timing.iters.toDouble() / timing.rounds).toInt()
        for (round in 1..timing.rounds) {
            tell("Measuring, round $round of ${timing.rounds}")
            for ((place, stage) in stages.withIndex()) {
                val atLeastS = timing.minSeconds / timing.rounds
                times[place].samplesMs += sample(count, atLeastS, timing.maxSeconds / timing.rounds, stage.run)
            }
            look()
            Thread.sleep((timing.pauseS * MS_PER_S).toLong())
        }
    }

    /** Runs the stage that says most without a pause, for as long as was wanted. */
    private fun sustained(stages: List<Stage>): StageTimes? {
        val seconds = job.timing.sustainedS ?: return null
        val stage = stages.find { it.kind == "end_to_end" } ?: stages.firstOrNull() ?: return null
        val times = StageTimes(stage.kind, stage.of, "sustained", ArrayList())
        val start = System.nanoTime()
        var passed = 0.0
        while (passed < seconds) {
            val window = min(WINDOW_S, seconds - passed)
            val samples = sample(1, window, window, stage.run)
            times.samplesMs += samples
            passed = (System.nanoTime() - start) / NS_PER_S
            windows += Window(passed, samples.size, median(samples))
            tell("Sustained, ${passed.toInt()} of ${seconds.toInt()} s")
            look()
        }
        return times
    }

    /** Reads battery and heat. */
    private fun look() {
        val t = (System.nanoTime() - loadedAt) / NS_PER_S
        phone.battery()?.let { charges += Charge(t, it) }
        val state = phone.thermalState()
        if (state != null && heat.lastOrNull() != state) heat += state
    }
}
