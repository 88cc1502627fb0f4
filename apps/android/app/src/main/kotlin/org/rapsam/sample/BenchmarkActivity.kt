package org.rapsam.sample

import android.content.Intent
import android.content.pm.ApplicationInfo
import android.os.Bundle
import android.util.Log
import org.rapsam.core.Problem
import org.rapsam.core.bench.AppBuild
import org.rapsam.core.bench.Benchmark
import org.rapsam.core.bench.JobFolder
import org.rapsam.core.bench.findingsText
import org.rapsam.core.bench.screenJob

/** Number of the run, as `adb shell am start ... --es rapsam-benchmark RUN` gives it. */
private const val RUN = "rapsam-benchmark"

/**
 * Measures: on this screen the app's own bundle, or what a computer asks for, by the files of
 * benchmarks/runners/app_contract.py in the app's documents.
 */
class BenchmarkActivity : ReportActivity() {
    private val phone by lazy { AndroidPhone(this) }

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        if (state != null) return
        say(getString(R.string.keep_open))
        asked(intent)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        asked(intent)
    }

    override fun made(runtime: String): String {
        val found = Benchmark(screenJob(runtime), phone, ::say).run(model.bundle(), model.factory()) { _, _, _, _ -> }
        return findingsText(found)
    }

    private fun asked(intent: Intent) {
        val run = intent.getStringExtra(RUN) ?: return
        begin {
            val documents = getExternalFilesDir(null) ?: throw Problem("the phone's storage is not there; start it anew")
            val error = JobFolder(documents, run).run(build(), phone, ENGINES, ::say)
            Log.i(TAG, "run $run: ${error ?: "done"}")
            error ?: "run $run: done"
        }
    }

    private fun build(): AppBuild {
        val isDebuggable = applicationInfo.flags and ApplicationInfo.FLAG_DEBUGGABLE != 0
        val version = packageManager.getPackageInfo(packageName, 0).versionName.orEmpty()
        return AppBuild(version, if (isDebuggable) "debug" else "release")
    }
}
