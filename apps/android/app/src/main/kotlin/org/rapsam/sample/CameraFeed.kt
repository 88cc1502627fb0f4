package org.rapsam.sample

import android.app.Activity
import android.graphics.ImageFormat
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.media.Image
import android.media.ImageReader
import android.os.Handler
import android.os.HandlerThread
import android.util.Log
import org.rapsam.core.photo.CameraLife
import org.rapsam.core.photo.Plane
import org.rapsam.core.photo.exifOfFrame
import org.rapsam.core.photo.pictureOf
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.turnedUpright

/** About what the network sees: more pixels would only be made smaller. */
private const val WANTED_SIDE = 640
private const val KEPT_FRAMES = 2
private const val QUARTER_TURN = 90
private const val LOST = "the camera was lost; close other apps that use it, and open this screen again"

/** Frames of a camera, upright. It is open between [open] and [close], once. */
class CameraFeed private constructor(
    private val manager: CameraManager,
    private val id: String,
    private val exif: () -> Int,
    private val size: android.util.Size,
) {
    private val thread = HandlerThread("camera").apply { start() }
    private val handler = Handler(thread.looper)
    private val reader = ImageReader.newInstance(size.width, size.height, ImageFormat.YUV_420_888, KEPT_FRAMES)
    private val life = CameraLife { thread.quitSafely() }
    private var device: CameraDevice? = null

    /**
     * Begins.
     *
     * @param take Gets each frame, on the camera's thread: what makes a picture of it, valid during the call.
     * @param failed Gets one line for people if the camera is not to be had any more.
     */
    fun open(take: (() -> Picture) -> Unit, failed: (String) -> Unit) {
        val listener = ImageReader.OnImageAvailableListener { images ->
            images.acquireLatestImage()?.use { image -> take { upright(image) } }
        }
        reader.setOnImageAvailableListener(listener, handler)
        handler.post {
            life.asked()
            val isAsked = trying(failed) { manager.openCamera(id, Opened(failed), handler) }
            if (!isAsked) life.answered()
        }
    }

    /** Ends; what is open is closed on the camera's thread. */
    fun close() {
        handler.post {
            device?.close()
            reader.close()
            life.closed()
        }
    }

    private inner class Opened(private val failed: (String) -> Unit) : CameraDevice.StateCallback() {
        override fun onOpened(camera: CameraDevice) {
            if (!life.answered()) return camera.close()
            device = camera
            trying(failed) { begin(camera) }
        }

        @Suppress("DEPRECATION") // The other form is of API 28.
        private fun begin(camera: CameraDevice) = camera.createCaptureSession(
            listOf(reader.surface),
            object : CameraCaptureSession.StateCallback() {
                override fun onConfigured(session: CameraCaptureSession) {
                    trying(failed) {
                        val request = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW)
                        request.addTarget(reader.surface)
                        session.setRepeatingRequest(request.build(), null, handler)
                    }
                }

                override fun onConfigureFailed(session: CameraCaptureSession) = failed(LOST)
            },
            handler,
        )

        override fun onDisconnected(camera: CameraDevice) = gone(camera)

        override fun onError(camera: CameraDevice, error: Int) {
            Log.w(TAG, "camera error $error")
            gone(camera)
        }

        private fun gone(camera: CameraDevice) {
            camera.close()
            if (life.answered()) failed(LOST)
        }
    }

    private fun upright(image: Image): Picture {
        val (y, u, v) = image.planes.map { Plane(it.buffer, it.rowStride, it.pixelStride) }
        return turnedUpright(pictureOf(y, u, v, Size(image.height, image.width)), exif())
    }

    companion object {
        /** The camera that looks away from the person, else any; null if there is none. */
        fun find(activity: Activity): CameraFeed? = try {
            val manager = activity.getSystemService(CameraManager::class.java)
            val facing = manager.cameraIdList.associateWith {
                manager.getCameraCharacteristics(it).get(CameraCharacteristics.LENS_FACING)
            }
            val back = facing.keys.firstOrNull { facing[it] == CameraCharacteristics.LENS_FACING_BACK }
            (back ?: facing.keys.firstOrNull())?.let { feedOf(activity, manager, it) }
        } catch (error: CameraAccessException) {
            Log.w(TAG, LOST, error)
            null
        } catch (error: IllegalArgumentException) { // A camera that was pulled out meanwhile.
            Log.w(TAG, LOST, error)
            null
        }

        private fun feedOf(activity: Activity, manager: CameraManager, id: String): CameraFeed? {
            val facts = manager.getCameraCharacteristics(id)
            val sizes = facts.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP)
                ?.getOutputSizes(ImageFormat.YUV_420_888).orEmpty()
            val size = sizes.filter { it.width >= WANTED_SIDE }.minByOrNull { it.width * it.height }
                ?: sizes.firstOrNull()
            val isFront = facts.get(CameraCharacteristics.LENS_FACING) == CameraCharacteristics.LENS_FACING_FRONT
            val sensor = facts.get(CameraCharacteristics.SENSOR_ORIENTATION) ?: 0
            @Suppress("DEPRECATION") // The other form is of API 30.
            val display = activity.windowManager.defaultDisplay
            // Of each frame: a screen that is turned upside down begins no new activity.
            val exif = { exifOfFrame(sensor, display.rotation * QUARTER_TURN, isFront) }
            return size?.let { CameraFeed(manager, id, exif, it) }
        }
    }
}

/** Asks something of a camera, which may be lost at any time; tells whether that went well. */
private fun trying(failed: (String) -> Unit, ask: () -> Unit): Boolean = try {
    ask()
    true
} catch (error: CameraAccessException) {
    lost(error, failed)
} catch (error: SecurityException) {
    lost(error, failed)
} catch (error: IllegalArgumentException) {
    lost(error, failed)
} catch (error: IllegalStateException) {
    lost(error, failed)
}

private fun lost(error: Exception, failed: (String) -> Unit): Boolean {
    Log.w(TAG, LOST, error)
    failed(LOST)
    return false
}
