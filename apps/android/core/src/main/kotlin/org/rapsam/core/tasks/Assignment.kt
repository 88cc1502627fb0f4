package org.rapsam.core.tasks

import org.rapsam.core.Problem

/**
 * Finds the cheapest assignment of rows to columns (Hungarian matching), by shortest augmenting paths as SciPy's
 * `linear_sum_assignment` finds it, with the same choice among equals. A video keeps one for all frames.
 */
internal class Assignment(private val count: Int) {
    /** (count, count), finite; to be filled in before [find]. */
    val cost = FloatArray(count * count)
    private val columnOf = IntArray(count)
    private val rowOf = IntArray(count)
    private val ofRows = DoubleArray(count)
    private val ofColumns = DoubleArray(count)
    private val shortest = DoubleArray(count)
    private val cameFrom = IntArray(count)
    private val remaining = IntArray(count)
    private val rowSeen = BooleanArray(count)
    private val columnSeen = BooleanArray(count)
    private var length = 0.0

    /** The column of every row; valid until the next call. */
    fun find(): IntArray {
        columnOf.fill(-1)
        rowOf.fill(-1)
        ofRows.fill(0.0)
        ofColumns.fill(0.0)
        for (row in 0 until count) assign(row)
        return columnOf
    }

    /** Gives a row its column; rows before it may change theirs. */
    private fun assign(row: Int) {
        val sink = path(row)
        ofRows[row] += length
        for (i in 0 until count) {
            if (rowSeen[i] && i != row) ofRows[i] += length - shortest[columnOf[i]]
            if (columnSeen[i]) ofColumns[i] -= length - shortest[i]
        }
        var column = sink
        do {
            val at = cameFrom[column]
            rowOf[column] = at
            val before = columnOf[at]
            columnOf[at] = column
            column = before
        } while (at != row)
    }

    /** Finds the shortest way from a row to a column that is free, and its length. */
    private fun path(start: Int): Int {
        shortest.fill(Double.POSITIVE_INFINITY)
        rowSeen.fill(false)
        columnSeen.fill(false)
        for (i in 0 until count) remaining[i] = count - i - 1
        var left = count
        var row = start
        length = 0.0
        while (true) {
            rowSeen[row] = true
            val nearest = nearestTo(row, left)
            val column = remaining[nearest]
            columnSeen[column] = true
            if (rowOf[column] == -1) return column
            row = rowOf[column]
            remaining[nearest] = remaining[--left]
        }
    }

    /** Looks from a row at the columns that remain; sets [length]. */
    private fun nearestTo(row: Int, left: Int): Int {
        var lowest = Double.POSITIVE_INFINITY
        var nearest = -1
        for (place in 0 until left) {
            val column = remaining[place]
            val reached = length + cost[row * count + column] - ofRows[row] - ofColumns[column]
            if (reached < shortest[column]) {
                cameFrom[column] = row
                shortest[column] = reached
            }
            // Of equal columns a free one is taken: it ends the search.
            if (shortest[column] < lowest || (shortest[column] == lowest && rowOf[column] == -1)) {
                lowest = shortest[column]
                nearest = place
            }
        }
        if (nearest < 0) throw Problem("queries cannot be matched: a cost is not finite; export the bundle at fp32")
        length = lowest
        return nearest
    }
}
