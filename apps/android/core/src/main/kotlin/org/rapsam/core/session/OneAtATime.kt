package org.rapsam.core.session

import java.util.concurrent.atomic.AtomicBoolean

/** One job at a time: what comes while one is being done is left out. For several threads. */
class OneAtATime {
    private val isBusy = AtomicBoolean()

    /**
     * Does a job, unless another one is being done.
     *
     * @param job Gets what it must call when it has ended, well or not; if it throws, it has ended.
     */
    fun begin(job: (end: () -> Unit) -> Unit) {
        if (!isBusy.compareAndSet(false, true)) return
        try {
            job { isBusy.set(false) }
        } catch (error: Throwable) {
            isBusy.set(false)
            throw error
        }
    }
}
