package org.rapsam.sample

import android.content.Context
import android.os.Handler
import android.os.Looper
import android.util.Log
import java.util.concurrent.Executors
import org.rapsam.core.Problem
import org.rapsam.core.bundle.Bundle
import org.rapsam.core.run.EngineFactory
import org.rapsam.core.run.LoadedBundle
import org.rapsam.core.run.Segmenter
import org.rapsam.core.session.PhotoSession
import org.rapsam.core.session.Report

/** In the log; `adb logcat -s RapSAM` shows it. */
const val TAG = "RapSAM"

/**
 * The bundle and what runs it. All work is done one after another on one thread, which is not the screen's.
 *
 * @param context Of the application.
 */
class Model(private val context: Context) {
    private val worker = Executors.newSingleThreadExecutor()
    private val screen = Handler(Looper.getMainLooper())
    private var known: Bundle? = null
    private var loaded: LoadedBundle? = null
    private var session: PhotoSession? = null

    /** Reports by their screens; on the screen's thread. */
    private val reports = HashMap<Class<*>, Report>()

    /** Told on the screen's thread that the photo was let go; set by the screen that shows it. */
    var onMemoryShort: () -> Unit = {}

    /**
     * Does something on the worker's thread, then something with its result on the screen's.
     *
     * @param failed Gets one line for people instead, where it cannot be done.
     */
    fun <T> work(failed: (String) -> Unit, job: () -> T, done: (T) -> Unit) {
        worker.execute {
            try {
                val result = job()
                screen.post { done(result) }
            } catch (problem: Problem) {
                tell(problem, problem.message.orEmpty(), failed)
            } catch (error: OutOfMemoryError) {
                session?.forget()
                tell(error, "the phone has not enough memory for that; close other apps, or take a smaller photo", failed)
            }
        }
    }

    /** The bundle, every file of it verified; on the worker's thread. */
    fun bundle(): Bundle =
        known ?: Bundle.open(bundleSource(context.assets, context.getExternalFilesDir(null))).also { known = it }

    /** What it can compute on, the CPU first; on the worker's thread. */
    fun runtimes(): List<String> = factory().runtimes

    /** Its engine; on the worker's thread. */
    fun factory(): EngineFactory = LoadedBundle.factory(bundle(), ENGINES)

    /** The graphs, loaded for the CPU, which every phone has; on the worker's thread. */
    fun loaded(): LoadedBundle = loaded ?: loadedFor(runtimes().first()).also { loaded = it }

    /** The graphs, loaded for a compute unit; the caller's, on the worker's thread. */
    fun loadedFor(runtime: String): LoadedBundle = LoadedBundle.load(bundle(), factory(), runtime, null)

    /** The report of a screen, which outlives it; on the screen's thread. */
    fun report(screen: Class<*>): Report = reports.getOrPut(screen) { Report() }

    /** The photo and what was asked of it; on the worker's thread. */
    fun session(): PhotoSession =
        session ?: PhotoSession(Segmenter(loaded()), bundle().manifest.labels).also { session = it }

    /** Lets the photo go. */
    fun memoryIsShort() = work({}, ::forgetPhoto) { wasThere -> if (wasThere) onMemoryShort() }

    private fun forgetPhoto(): Boolean {
        val now = session ?: return false
        return now.hasPhoto.also { now.forget() }
    }

    private fun tell(error: Throwable, line: String, failed: (String) -> Unit) {
        Log.w(TAG, line, error)
        screen.post { failed(line) }
    }
}
