package org.rapsam.core.selftest

import java.nio.ByteBuffer
import java.util.zip.DataFormatException
import java.util.zip.Inflater
import kotlin.math.abs
import org.rapsam.core.Problem
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.packed

private const val SIGNATURE = -0x76afb1b8f2f5e5f6L
private val EIGHT_BIT_RGB_NOT_INTERLACED = byteArrayOf(8, 2, 0, 0, 0)
private const val CHANNELS = 3
private const val MAX_SIDE = 8192
private const val HEADER_BYTES = 33
private const val IDAT = 0x49444154

/**
 * Decodes an image of three channels of eight bits, not interlaced, value for value: a phone's decoder may convert colours.
 *
 * @throws Problem If it is no such image, or damaged.
 */
fun decodePng(file: ByteBuffer, name: String): Picture {
    val bytes = file.duplicate()
    if (bytes.limit() < HEADER_BYTES || bytes.getLong(0) != SIGNATURE) throw Problem("$name is no PNG; export it again")
    val width = bytes.getInt(16)
    val height = bytes.getInt(20)
    val header = ByteArray(EIGHT_BIT_RGB_NOT_INTERLACED.size) { bytes.get(24 + it) }
    if (!header.contentEquals(EIGHT_BIT_RGB_NOT_INTERLACED) || width !in 1..MAX_SIDE || height !in 1..MAX_SIDE) {
        throw Problem("$name is another PNG than 8-bit RGB of at most $MAX_SIDE px a side; export the bundle again")
    }
    val stride = width * CHANNELS
    val rows = unpacked(bytes, height * (stride + 1), name)
    val lines = Lines(rows, stride, name)
    val argb = IntArray(height * width)
    for (y in 0 until height) {
        val line = lines.next(y * (stride + 1))
        for (x in 0 until width) {
            argb[y * width + x] = packed(at(line, CHANNELS * x), at(line, CHANNELS * x + 1), at(line, CHANNELS * x + 2))
        }
    }
    return Picture(argb, Size(height, width))
}

private fun at(line: ByteArray, place: Int): Int = line[place].toInt() and 0xFF

/** Joins the pieces of the image's data and decompresses them. */
private fun unpacked(bytes: ByteBuffer, size: Int, name: String): ByteArray {
    val inflater = Inflater()
    val rows = ByteArray(size)
    var filled = 0
    var at = 8
    try {
        while (at + 12 <= bytes.limit() && !inflater.finished()) {
            val length = bytes.getInt(at)
            if (length < 0 || length > bytes.limit() - at - 12) break
            if (bytes.getInt(at + 4) == IDAT) {
                val piece = ByteArray(length)
                bytes.position(at + 8)
                bytes.get(piece)
                inflater.setInput(piece)
                while (!inflater.needsInput() && !inflater.finished()) {
                    val count = inflater.inflate(rows, filled, size - filled)
                    filled += count
                    if (count == 0) break
                }
            }
            at += 12 + length
        }
    } catch (error: DataFormatException) {
        throw Problem("$name is damaged; copy the bundle again", error)
    } finally {
        inflater.end()
    }
    if (filled != size) throw Problem("$name is damaged: it has other rows than it says; copy the bundle again")
    return rows
}

/** Undoes the filters of rows: their bytes are differences to what is left of, above, or both of them. */
private class Lines(private val rows: ByteArray, private val stride: Int, private val name: String) {
    private var above = ByteArray(stride)
    private var line = ByteArray(stride)

    /** The row that begins at a place; valid until the next but one. */
    fun next(start: Int): ByteArray {
        val free = above
        above = line
        line = free
        val filter = rows[start].toInt()
        if (filter !in 0..4) throw Problem("$name is damaged: a row has the filter $filter; copy the bundle again")
        for (i in 0 until stride) {
            val left = if (i >= CHANNELS) at(line, i - CHANNELS) else 0
            val up = at(above, i)
            val corner = if (i >= CHANNELS) at(above, i - CHANNELS) else 0
            line[i] = (rows[start + 1 + i] + expected(filter, left, up, corner)).toByte()
        }
        return line
    }

    private fun expected(filter: Int, left: Int, up: Int, corner: Int): Int = when (filter) {
        0 -> 0
        1 -> left
        2 -> up
        3 -> (left + up) shr 1
        else -> nearest(left, up, corner)
    }

    /** Paeth's predictor. */
    private fun nearest(left: Int, up: Int, corner: Int): Int {
        val sum = left + up - corner
        val a = abs(sum - left)
        val b = abs(sum - up)
        val c = abs(sum - corner)
        return if (a <= b && a <= c) left else if (b <= c) up else corner
    }
}
