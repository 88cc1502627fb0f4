package org.rapsam.core.tasks

import kotlin.math.floor
import kotlin.math.round

/** R, G and B of a colour, 0..255, packed as in Android's bitmaps, opaque. */
fun packed(red: Int, green: Int, blue: Int): Int = (0xFF shl 24) or (red shl 16) or (green shl 8) or blue

internal fun red(argb: Int): Int = (argb shr 16) and 0xFF

internal fun green(argb: Int): Int = (argb shr 8) and 0xFF

internal fun blue(argb: Int): Int = argb and 0xFF

internal val WHITE = packed(255, 255, 255)
private val DARK = packed(24, 24, 28)
private const val GOLDEN_RATIO = 0.6180339887
private val TONES = listOf(0.78 to 0.97, 0.62 to 0.82, 0.92 to 0.88, 0.5 to 1.0)

/**
 * Colour of a class, an instance or a track: always the same one for the same index; rapsam/tasks/palette.py.
 *
 * @param classIndex From 0.
 * @param instance From 0; 0 for stuff. Further instances of a class walk away in hue and tone.
 */
fun classColour(classIndex: Int, instance: Int = 0): Int {
    val hue = (0.02 + classIndex * GOLDEN_RATIO + instance * 0.13) % 1.0
    val (saturation, value) = TONES[(classIndex + instance) % TONES.size]
    return ofHsv(hue, saturation, value)
}

/** The colour mixed with white, for contours that stand out between two tinted masks. */
fun lightened(colour: Int): Int =
    packed((red(colour) + 255) shr 1, (green(colour) + 255) shr 1, (blue(colour) + 255) shr 1)

/** Dark text for a light background and white text for a dark one (Rec. 709 luma). */
fun textColour(background: Int): Int {
    val luma = 0.2126 * red(background) + 0.7152 * green(background) + 0.0722 * blue(background)
    return if (luma > 140) DARK else WHITE
}

/** In the order of operations of Python's colorsys; halves are rounded to the even number, as Python does. */
private fun ofHsv(hue: Double, saturation: Double, value: Double): Int {
    val sector = floor(hue * 6).toInt()
    val rest = hue * 6 - sector
    val low = value * (1 - saturation)
    val falling = value * (1 - saturation * rest)
    val rising = value * (1 - saturation * (1 - rest))
    return when (sector % 6) {
        0 -> ofShares(value, rising, low)
        1 -> ofShares(falling, value, low)
        2 -> ofShares(low, value, rising)
        3 -> ofShares(low, falling, value)
        4 -> ofShares(rising, low, value)
        else -> ofShares(value, low, falling)
    }
}

private fun ofShares(red: Double, green: Double, blue: Double): Int =
    packed(round(red * 255).toInt(), round(green * 255).toInt(), round(blue * 255).toInt())
