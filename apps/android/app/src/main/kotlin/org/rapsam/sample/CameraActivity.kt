package org.rapsam.sample

import android.Manifest
import android.app.Activity
import android.content.pm.PackageManager
import android.graphics.Bitmap
import android.os.Bundle
import android.os.SystemClock
import android.view.View
import android.view.WindowManager
import android.widget.ImageView
import android.widget.TextView
import org.rapsam.core.photo.cameraProblem
import org.rapsam.core.run.Video
import org.rapsam.core.session.Entry
import org.rapsam.core.session.OneAtATime
import org.rapsam.core.session.paintSeen
import org.rapsam.core.tasks.Picture

/**
 * The camera, frame by frame, with the objects in it, followed where the bundle does that: a frame that comes while one is
 * computed is left out.
 */
class CameraActivity : Activity() {
    private val model by lazy { (application as SampleApp).model }
    private val phone by lazy { AndroidPhone(this) }
    private val status by lazy { findViewById<TextView>(R.id.status) }
    private val problem by lazy { findViewById<TextView>(R.id.problem) }
    private val frame by lazy { findViewById<ImageView>(R.id.frame) }
    private val turn = OneAtATime()
    private var isAsking = false
    private val found by lazy { findViewById<TextView>(R.id.found) }
    private var listed = emptyList<Entry>()
    @Volatile private var video: Video? = null
    private var feed: CameraFeed? = null

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.camera)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        if (state == null && !isAllowed()) {
            isAsking = true
            requestPermissions(arrayOf(Manifest.permission.CAMERA), 0)
        }
    }

    override fun onRequestPermissionsResult(request: Int, permissions: Array<String>, results: IntArray) {
        super.onRequestPermissionsResult(request, permissions, results)
        isAsking = false
    }

    override fun onResume() {
        super.onResume()
        if (isAsking) return
        val found = CameraFeed.find(this)
        val trouble = cameraProblem(found != null, isAllowed())
        if (found == null || trouble != null) {
            found?.close()
            return complain(trouble?.message.orEmpty())
        }
        problem.visibility = View.GONE
        feed = found.apply { open(::take, ::complain) }
    }

    override fun onPause() {
        feed?.close()
        feed = null
        // What comes back is another scene: its objects are not those of before.
        video = null
        super.onPause()
    }

    private fun isAllowed() = checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED

    /** Takes a frame, on the camera's thread. */
    private fun take(picture: () -> Picture) = turn.begin { end ->
        val start = SystemClock.elapsedRealtime()
        val now = picture()
        model.work(
            {
                complain(it)
                feed?.close()
                end()
            },
            { painted(now) },
        ) { (bitmap, entries) ->
            frame.setImageBitmap(bitmap)
            list(entries)
            tell(entries.size, SystemClock.elapsedRealtime() - start)
            end()
        }
    }

    private fun tell(count: Int, milliseconds: Long) {
        val heat = phone.thermalState()
        status.text = if (heat == null) {
            getString(R.string.frame, count, milliseconds)
        } else {
            getString(R.string.frame_heat, count, milliseconds, heat)
        }
    }

    private fun painted(picture: Picture): Pair<Bitmap, List<Entry>> {
        val now = video ?: Video(model.loaded()).also { video = it }
        val entries = paintSeen(picture, now.look(picture), model.bundle().manifest.labels)
        return bitmapOf(picture) to entries
    }

    /** The list changes when others come into view, not with every score. */
    private fun list(entries: List<Entry>) {
        val now = entries.map { it.copy(figure = "") }
        if (now == listed) return
        listed = now
        found.text = coloured(now)
    }

    private fun complain(line: String) = runOnUiThread {
        problem.text = line
        problem.visibility = View.VISIBLE
    }
}
