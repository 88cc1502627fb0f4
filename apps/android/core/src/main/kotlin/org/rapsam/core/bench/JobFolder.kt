package org.rapsam.core.bench

import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.rapsam.core.Problem
import org.rapsam.core.bundle.Bundle
import org.rapsam.core.bundle.FolderSource
import org.rapsam.core.printable
import org.rapsam.core.run.EngineFactory
import org.rapsam.core.run.LoadedBundle

private const val MAX_JOB_BYTES = 1 shl 20

/**
 * The files of a run, in the app's documents: reads the job, runs it, and leaves the result.
 *
 * @param documents Of the app, where whoever asks can write and read.
 * @param runId Number of the run.
 */
class JobFolder(private val documents: File, private val runId: String) {
    private val folder = File(File(documents, BENCH_FOLDER), runId)
    private val out = File(folder, OUT_FOLDER)

    /**
     * Runs the job. Whatever goes wrong is left as the result, and so is told where it was asked; and that the run has ended
     * is told there even where no result can be written.
     *
     * @return Why there is no result; null if there is one.
     * @throws Problem If not even that can be written.
     */
    fun run(app: AppBuild, phone: Phone, factories: List<EngineFactory>, tell: (String) -> Unit): String? {
        if (!isRunId(runId)) throw Problem("\"$runId\" is no number of a run; expected letters, digits, - and _")
        removeOthers()
        try {
            return leaveResult(app, phone, factories, tell)
        } finally {
            write(File(documents, DONE_FILE), "$runId\n".toByteArray())
        }
    }

    /** Removes what other runs left, and this one if it was started before. */
    private fun removeOthers() {
        File(documents, DONE_FILE).delete()
        File(documents, BENCH_FOLDER).listFiles()?.filter { it.name != runId }?.forEach { it.deleteRecursively() }
        out.deleteRecursively()
    }

    private fun leaveResult(app: AppBuild, phone: Phone, factories: List<EngineFactory>, tell: (String) -> Unit): String? {
        if (!out.mkdirs()) throw Problem("cannot write to ${out.path}; expected the folder of a run: push it again")
        var error: String? = null
        val result = try {
            resultJson(runId, app, measured(phone, factories, tell))
        } catch (problem: Problem) {
            error = problem.message.orEmpty()
            errorJson(runId, app, phone.facts(), error)
        } catch (failure: OutOfMemoryError) {
            error = "the phone ran out of memory (${printable(failure.toString())}); close other apps, or take a smaller bundle"
            errorJson(runId, app, phone.facts(), error)
        }
        write(File(out, RESULT_FILE), result.toByteArray())
        return error
    }

    private fun measured(phone: Phone, factories: List<EngineFactory>, tell: (String) -> Unit): Findings {
        val job = readJob(jobText(), runId)
        tell("Reading the bundle")
        val bundle = Bundle.open(FolderSource(File(folder, BUNDLE_FOLDER)))
        val factory = LoadedBundle.factory(bundle, factories)
        return Benchmark(job, phone, tell).run(bundle, factory) { case, graph, output, values ->
            val bytes = ByteBuffer.allocate(4 * values.size).order(ByteOrder.LITTLE_ENDIAN)
            bytes.asFloatBuffer().put(values)
            write(File(out, outputFile(case, graph, output)), bytes.array())
        }
    }

    private fun jobText(): String {
        val file = File(folder, JOB_FILE)
        if (file.length() > MAX_JOB_BYTES) throw Problem("$JOB_FILE has ${file.length()} bytes; expected a job")
        return try {
            file.readText()
        } catch (error: IOException) {
            throw Problem("there is no $JOB_FILE in ${folder.path}; push the folder of the run first", error)
        }
    }

    /** Writes a file so that nobody meets half of one, and the computer's shell may read it: Android gives it to the app alone. */
    private fun write(file: File, content: ByteArray) {
        val scratch = File(file.path + ".part")
        try {
            scratch.writeBytes(content)
            scratch.setReadable(true, false)
            if (!scratch.renameTo(file)) throw IOException("it cannot be renamed")
        } catch (error: IOException) {
            throw Problem("cannot write ${file.name} (${error.message}); free some space on the phone", error)
        }
    }
}
