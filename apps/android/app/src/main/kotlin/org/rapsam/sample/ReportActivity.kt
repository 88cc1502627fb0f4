package org.rapsam.sample

import android.app.Activity
import android.os.Bundle
import android.view.View
import android.view.WindowManager
import android.widget.ArrayAdapter
import android.widget.Button
import android.widget.Spinner
import android.widget.TextView

/** A screen with a compute unit to choose, a button that begins, and a text, which is made on while screens turn. */
abstract class ReportActivity : Activity() {
    protected val model by lazy { (application as SampleApp).model }
    private val shown by lazy { model.report(javaClass) }
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
        model.work(shown::fail, { model.runtimes() }) { names ->
            unit.adapter = ArrayAdapter(this, R.layout.unit, names)
            show()
        }
        start.setOnClickListener {
            val runtime = unit.selectedItem as String
            begin { made(runtime) }
        }
    }

    override fun onStart() {
        super.onStart()
        shown.onChange = ::show
        show()
    }

    override fun onStop() {
        shown.onChange = {}
        super.onStop()
    }

    /** Makes a text on the worker's thread, and shows it. */
    protected fun begin(job: () -> String) {
        shown.begin()
        model.work(shown::fail, job, shown::finish)
    }

    /** Says what is done now; from any thread. */
    protected fun say(line: String) = runOnUiThread { shown.tell(line) }

    private fun show() {
        start.isEnabled = !shown.isRunning && unit.adapter != null
        status.text = shown.status
        problem.text = shown.problem
        problem.visibility = if (shown.problem == null) View.GONE else View.VISIBLE
        report.text = shown.text
        val keepOn = WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON
        if (shown.isRunning) window.addFlags(keepOn) else window.clearFlags(keepOn)
    }
}
