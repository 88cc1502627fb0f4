package org.rapsam.core.bench

import org.rapsam.core.json.jsonOf

/** One graph, from its file to a steady state; null is what was not come to. */
class GraphTimes(val loadMs: Double) {
    var reported: List<String>? = null
        internal set
    var firstMs: Double? = null
        internal set
    internal var warmUp: WarmUp? = null
}

/** @property mode "burst": in turns, with pauses; "sustained": without a pause. */
class StageTimes(val kind: String, val of: String?, val mode: String, val samplesMs: MutableList<Double>)

/** A piece of the sustained run, [tS] being its end, in seconds since the run began. */
class Window(val tS: Double, val count: Int, val medianMs: Double)

/** One reading of the battery, [tS] seconds after the graphs were loaded. */
class Charge(val tS: Double, val battery: Battery)

/**
 * What a run found out.
 *
 * @property runtimeVersion Null if the runtime does not say.
 * @property graphs By name, in the order of the manifest.
 * @property heat What the system called its heat, in order, each change once.
 * @property input What was timed, in words.
 */
class Findings internal constructor(
    val facts: PhoneFacts,
    val runtimeVersion: String?,
    val graphs: Map<String, GraphTimes>,
    val stages: List<StageTimes>,
    val windows: List<Window>,
    val memory: MemoryUse?,
    val charges: List<Charge>,
    val heat: List<String>,
    val input: String,
)

/** The app that measures: its version, and "debug" or "release". */
class AppBuild(val version: String, val type: String)

/** Writes the record of a run, as benchmarks/runners/app_contract.py has it. */
fun resultJson(runId: String, app: AppBuild, found: Findings): String = jsonOf(
    head(runId, app, null, found.facts, found.runtimeVersion) + mapOf(
        "graphs" to found.graphs.map { (name, times) -> graph(name, times) },
        "stages" to found.stages.map {
            mapOf("kind" to it.kind, "of" to it.of, "mode" to it.mode, "samples_ms" to it.samplesMs)
        },
        "sustained" to found.windows.ifEmpty { null }?.map {
            mapOf("t_s" to it.tS, "n" to it.count, "p50_ms" to it.medianMs)
        },
        "memory" to found.memory?.let {
            mapOf("baseline_mb" to it.baselineMb, "peak_mb" to it.peakMb, "metric" to it.metric)
        },
        "battery" to found.charges.ifEmpty { null }?.map {
            mapOf("t_s" to it.tS, "percent" to it.battery.percent, "charging" to it.battery.charging)
        },
        "thermal_states" to found.heat.ifEmpty { null },
        "input" to found.input,
    ),
)

/** Writes why there is no record, one line. */
fun errorJson(runId: String, app: AppBuild, facts: PhoneFacts, error: String): String = jsonOf(
    head(runId, app, error, facts, null) + mapOf(
        "graphs" to emptyList<Any>(),
        "stages" to emptyList<Any>(),
        "sustained" to null,
        "memory" to null,
        "battery" to null,
        "thermal_states" to null,
        "input" to null,
    ),
)

/** Names the file, beside the result, of an output of the self-test: float32, little-endian, in C order. */
fun outputFile(case: Int, graph: Int, output: Int): String = "case$case.graph$graph.output$output.bin"

private fun head(runId: String, app: AppBuild, error: String?, facts: PhoneFacts, version: String?) = mapOf(
    "schema_version" to CONTRACT_VERSION,
    "run_id" to runId,
    "error" to error,
    "app_version" to app.version,
    "build_type" to app.type,
    "runtime_version" to version,
    "phone" to mapOf(
        "cores" to facts.cores,
        "ram_mb" to facts.ramMb,
        "low_power" to facts.lowPower,
        "battery_pct" to facts.battery?.percent,
        "charging" to facts.battery?.charging,
    ),
)

private fun graph(name: String, times: GraphTimes) = mapOf(
    "graph" to name,
    "reported" to times.reported,
    "load_ms" to times.loadMs,
    "compile_ms" to null,
    "first_ms" to times.firstMs,
    "average_warmup_ms" to times.warmUp?.samples?.average(),
    "warmup_iters" to times.warmUp?.samples?.size,
    "is_warm" to times.warmUp?.isSteady,
)
