package org.rapsam.core.session

/** A report that takes its time, as its screen shows it: it lives on while screens turn. On the screen's thread alone. */
class Report {
    /** Told of every change; set by the screen that is seen. */
    var onChange: () -> Unit = {}

    /** Whether one is being made. */
    var isRunning = false
        private set

    /** What is being done. */
    var status = ""
        private set

    /** The last one. */
    var text = ""
        private set

    /** Why there is none, one line; null if nothing is wrong. */
    var problem: String? = null
        private set

    /** Another one begins. */
    fun begin() = change(running = true)

    /** Something else is done now. */
    fun tell(line: String) {
        status = line
        onChange()
    }

    /** It is ready. */
    fun finish(made: String) = change(text = made)

    /** There is none. */
    fun fail(why: String) = change(problem = why)

    private fun change(running: Boolean = false, text: String = "", problem: String? = null) {
        isRunning = running
        status = ""
        this.text = text
        this.problem = problem
        onChange()
    }
}
