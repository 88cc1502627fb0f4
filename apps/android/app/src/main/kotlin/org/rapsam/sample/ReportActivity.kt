package org.rapsam.sample

import android.app.Activity
import android.os.Bundle
import android.view.View
import android.view.WindowManager
import android.widget.ArrayAdapter
import android.widget.Button
import android.widget.Spinner
import android.widget.TextView

/** A screen with a compute unit to choose, a button that begins, and a text. */
abstract class ReportActivity : Activity() {
    protected val model by lazy { (application as SampleApp).model }
    private val unit by lazy { findViewById<Spinner>(R.id.unit) }
    private val start by lazy { findViewById<Button>(R.id.start) }
    private val status by lazy { findViewById<TextView>(R.id.status) }
    private val problem by lazy { findViewById<TextView>(R.id.problem) }
    private val report by lazy { findViewById<TextView>(R.id.report) }

    /** Makes the text, on the worker's thread. */
    protected abstract fun made(runtime: String): String

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.report)
        start.isEnabled = false
        model.work(::complain, { model.runtimes() }) { names ->
            unit.adapter = ArrayAdapter(this, R.layout.unit, names)
            start.isEnabled = true
        }
        start.setOnClickListener { begin { made(unit.selectedItem as String) } }
    }

    /** Makes a text on the worker's thread, and shows it. */
    protected fun begin(job: () -> String) {
        start.isEnabled = false
        problem.visibility = View.GONE
        report.text = ""
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        model.work(::complain, job) {
            finished()
            report.text = it
        }
    }

    /** Says what is done now; from any thread. */
    protected fun say(line: String) = runOnUiThread { status.text = line }

    /** Shows one line of what went wrong. */
    protected open fun complain(line: String) {
        finished()
        problem.text = line
        problem.visibility = View.VISIBLE
    }

    private fun finished() {
        window.clearFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        start.isEnabled = true
        status.text = ""
    }
}
