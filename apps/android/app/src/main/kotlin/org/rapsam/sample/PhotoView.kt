package org.rapsam.sample

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Matrix
import android.graphics.Paint
import android.graphics.RectF
import android.util.AttributeSet
import android.view.GestureDetector
import android.view.MotionEvent
import android.view.View
import org.rapsam.core.tasks.Prompt

private const val LINE_DP = 2f

/** Shows a picture as large as it fits, and tells of taps on it and of boxes: a finger that is held, then dragged. */
class PhotoView(context: Context, attributes: AttributeSet?) : View(context, attributes) {
    private val toScreen = Matrix()
    private val toPicture = Matrix()
    private val smooth = Paint(Paint.FILTER_BITMAP_FLAG)
    private val line = Paint().apply {
        style = Paint.Style.STROKE
        strokeWidth = LINE_DP * resources.displayMetrics.density
        color = context.getColor(android.R.color.white)
    }
    private var corner: FloatArray? = null
    private var box: RectF? = null

    /** Told of what was asked, in pixels of the picture. */
    var onPrompt: (Prompt) -> Unit = {}

    /** What is shown; null for nothing. */
    var bitmap: Bitmap? = null
        set(value) {
            field = value
            fit()
            invalidate()
        }

    private val gestures = GestureDetector(
        context,
        object : GestureDetector.SimpleOnGestureListener() {
            override fun onDown(event: MotionEvent): Boolean = bitmap != null

            override fun onSingleTapUp(event: MotionEvent): Boolean {
                performClick()
                val (x, y) = picturePoint(event) ?: return false
                onPrompt(Prompt.point(x.toDouble(), y.toDouble()))
                return true
            }

            override fun onLongPress(event: MotionEvent) {
                corner = floatArrayOf(event.x, event.y)
            }
        },
    )

    override fun performClick(): Boolean = super.performClick()

    override fun onTouchEvent(event: MotionEvent): Boolean {
        val start = corner
        if (start == null) return gestures.onTouchEvent(event) || super.onTouchEvent(event)
        val drawn = RectF(start[0], start[1], event.x, event.y).apply { sort() }
        box = drawn
        invalidate()
        if (event.actionMasked == MotionEvent.ACTION_UP || event.actionMasked == MotionEvent.ACTION_CANCEL) {
            corner = null
            box = null
            // The detector has not seen how the finger was lifted.
            gestures.onTouchEvent(MotionEvent.obtain(event).apply { action = MotionEvent.ACTION_CANCEL })
            if (event.actionMasked == MotionEvent.ACTION_UP) askForBox(drawn)
        }
        return true
    }

    override fun onSizeChanged(width: Int, height: Int, oldWidth: Int, oldHeight: Int) {
        super.onSizeChanged(width, height, oldWidth, oldHeight)
        fit()
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        bitmap?.let { canvas.drawBitmap(it, toScreen, smooth) }
        box?.let { canvas.drawRect(it, line) }
    }

    /** The part of a box that lies in the picture is asked for; if there is none, nothing is. */
    private fun askForBox(onScreen: RectF) {
        val shown = bitmap ?: return
        val found = RectF().apply { toPicture.mapRect(this, onScreen) }
        if (found.intersect(0f, 0f, shown.width.toFloat(), shown.height.toFloat()) && !found.isEmpty) {
            val (left, top, right, bottom) = listOf(found.left, found.top, found.right, found.bottom).map(Float::toDouble)
            onPrompt(Prompt.box(left, top, right, bottom))
        }
    }

    private fun picturePoint(event: MotionEvent): FloatArray? {
        val shown = bitmap ?: return null
        val point = floatArrayOf(event.x, event.y).also { toPicture.mapPoints(it) }
        val isInside = point[0] >= 0 && point[1] >= 0 && point[0] < shown.width && point[1] < shown.height
        return if (isInside) point else null
    }

    private fun fit() {
        val shown = bitmap ?: return
        val picture = RectF(0f, 0f, shown.width.toFloat(), shown.height.toFloat())
        toScreen.setRectToRect(picture, RectF(0f, 0f, width.toFloat(), height.toFloat()), Matrix.ScaleToFit.CENTER)
        toScreen.invert(toPicture)
    }
}
