package org.rapsam.core.bench

import org.rapsam.core.Problem
import org.rapsam.core.json.parseJson

/** Of the contract of files between `rapsam bench` and an app; benchmarks/runners/app_contract.py defines it. */
const val CONTRACT_VERSION = 1

/** In the app's documents; below it, a folder of its own for every run. */
const val BENCH_FOLDER = "rapsam-bench"

/** What is asked, in the folder of a run. */
const val JOB_FILE = "job.json"

/** The bundle that is measured, in the folder of a run. */
const val BUNDLE_FOLDER = "bundle"

/** Where the app writes, in the folder of a run. */
const val OUT_FOLDER = "out"

/** What the app found, in [OUT_FOLDER]. */
const val RESULT_FILE = "result.json"

/** In the app's documents; holds the number of the run, and is written last. */
const val DONE_FILE = "benchmark.done"

private const val MOST_THREADS = 64
private const val MOST_SECONDS = 1e7
private const val MOST_ITERATIONS = 100_000
private const val MOST_ROUNDS = 1000
private val RUN_ID = Regex("[A-Za-z0-9_-]{1,100}")

/**
 * How a run is timed.
 *
 * @property iters Least samples of a stage.
 * @property minSeconds Least time of a stage, all samples together.
 * @property maxSeconds A stage ends then, whatever it lacks.
 * @property rounds Turns among which that is divided.
 * @property pauseS Between turns, in seconds.
 * @property warmupMaxS Time for a graph to become steady, in seconds.
 * @property stages Those that are wanted, by kind, subject or both; none for all.
 * @property sustainedS How long the first stage that is whole runs on without a pause; null for not at all.
 */
data class Timing(
    val iters: Int,
    val minSeconds: Double,
    val maxSeconds: Double,
    val rounds: Int,
    val pauseS: Double,
    val warmupMaxS: Double,
    val stages: List<String>,
    val sustainedS: Double?,
)

/**
 * What the app is asked.
 *
 * @property runtime What is to run the graphs; see [org.rapsam.core.run.EngineFactory.runtimes].
 * @property threads CPU threads; null: the runtime chooses.
 */
data class Job(val runId: String, val runtime: String, val threads: Int?, val timing: Timing)

/** Whether a text can be the number of a run, and so the name of a folder. */
fun isRunId(text: String): Boolean = RUN_ID.matches(text)

/**
 * Reads a job.
 *
 * @param runId Number of the run that was asked for.
 * @throws Problem If it is damaged, another run's, or of another contract.
 */
fun readJob(text: String, runId: String): Job {
    val json = parseJson(text, JOB_FILE)
    val version = json["schema_version"].whole()
    val told = json["run_id"].text()
    if (version != CONTRACT_VERSION.toLong() || told != runId) {
        throw Problem(
            "$JOB_FILE is of run \"$told\", schema $version; expected \"$runId\", schema $CONTRACT_VERSION: install the app " +
                "of this toolkit's version",
        )
    }
    val timing = json["timing"]
    return Job(
        runId = told,
        runtime = json["runtime"].text(),
        threads = json["threads"].orNull()?.int(1, MOST_THREADS),
        timing = Timing(
            iters = timing["iters"].int(1, MOST_ITERATIONS),
            minSeconds = timing["min_seconds"].number(0.0, MOST_SECONDS),
            maxSeconds = timing["max_seconds"].number(0.0, MOST_SECONDS),
            rounds = timing["rounds"].int(1, MOST_ROUNDS),
            pauseS = timing["pause_s"].number(0.0, MOST_SECONDS),
            warmupMaxS = timing["warmup_max_s"].number(0.0, MOST_SECONDS),
            stages = timing["stages"].items().map { it.text() },
            sustainedS = timing["sustained_s"].orNull()?.number(0.0, MOST_SECONDS),
        ),
    )
}
