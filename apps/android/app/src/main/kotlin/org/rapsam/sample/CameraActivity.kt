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
import java.util.concurrent.atomic.AtomicBoolean
import org.rapsam.core.photo.cameraProblem
import org.rapsam.core.run.Segmenter
import org.rapsam.core.session.paintObjects
import org.rapsam.core.tasks.Picture

/** The camera, frame by frame, with the objects in it: a frame that comes while one is computed is left out. */
class CameraActivity : Activity() {
    private val model by lazy { (application as SampleApp).model }
    private val phone by lazy { AndroidPhone(this) }
    private val status by lazy { findViewById<TextView>(R.id.status) }
    private val problem by lazy { findViewById<TextView>(R.id.problem) }
    private val frame by lazy { findViewById<ImageView>(R.id.frame) }
    private val isBusy = AtomicBoolean()
    private var isAsking = false
    private var segmenter: Segmenter? = null
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
        if (found == null || trouble != null) return complain(trouble?.message.orEmpty())
        problem.visibility = View.GONE
        feed = found.apply { open(::take, ::complain) }
    }

    override fun onPause() {
        feed?.close()
        feed = null
        super.onPause()
    }

    private fun isAllowed() = checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED

    /** Takes a frame, on the camera's thread; tells whether it was wanted. */
    private fun take(picture: () -> Picture) {
        if (!isBusy.compareAndSet(false, true)) return
        val start = SystemClock.elapsedRealtime()
        val now = picture()
        model.work(
            {
                complain(it)
                feed?.close()
            },
            { painted(now) },
        ) { (bitmap, count) ->
            frame.setImageBitmap(bitmap)
            val milliseconds = SystemClock.elapsedRealtime() - start
            val heat = phone.thermalState()
            status.text = if (heat == null) {
                getString(R.string.frame, count, milliseconds)
            } else {
                getString(R.string.frame_heat, count, milliseconds, heat)
            }
            isBusy.set(false)
        }
    }

    private fun painted(picture: Picture): Pair<Bitmap, Int> {
        val now = segmenter ?: Segmenter(model.loaded()).also { segmenter = it }
        now.take(picture)
        val found = now.panoptic()
        val entries = paintObjects(picture, found, model.bundle().manifest.labels)
        return bitmapOf(picture) to entries.size
    }

    private fun complain(line: String) = runOnUiThread {
        problem.text = line
        problem.visibility = View.VISIBLE
    }
}
