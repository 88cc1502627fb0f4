package org.rapsam.core.photo

/**
 * When the thread of a camera may end. The system answers on it to a wish for the camera, also when nobody wants the camera any
 * more: were that not heard, the camera would stay taken. All calls come from that thread.
 *
 * @param end Ends the thread; called once.
 */
class CameraLife(private val end: () -> Unit) {
    private var isAsked = false
    private var isClosed = false
    private var isEnded = false

    /** The camera has been asked for. */
    fun asked() {
        isAsked = true
    }

    /** The system has answered, or takes the camera away. Tells whether it is still wanted; if not, it must be closed. */
    fun answered(): Boolean {
        isAsked = false
        endIfDone()
        return !isClosed
    }

    /** Nobody wants the camera any more. */
    fun closed() {
        isClosed = true
        endIfDone()
    }

    private fun endIfDone() {
        if (!isClosed || isAsked || isEnded) return
        isEnded = true
        end()
    }
}
