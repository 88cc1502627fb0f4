package org.rapsam.core.json

import org.rapsam.core.Problem

private const val LARGEST_WHOLE = 1L shl 53

/**
 * A value of a JSON file that is not trusted: each accessor says where something else stands than is expected.
 *
 * @property place File and path in it, for messages.
 */
class JsonValue internal constructor(private val value: Any?, private val place: String) {
    /** Whether it is null, or a field that is not there. */
    val isNull: Boolean get() = value == null

    /** This value, or null where it is null. */
    fun orNull(): JsonValue? = if (isNull) null else this

    /** A field; null where it is not there. */
    operator fun get(field: String): JsonValue {
        val fields = value as? Map<*, *> ?: fail("an object")
        return JsonValue(fields[field], "$place, $field")
    }

    /** Entries of a list. */
    fun items(): List<JsonValue> {
        val items = value as? List<*> ?: fail("a list")
        return items.mapIndexed { number, item -> JsonValue(item, "$place[$number]") }
    }

    /** A text. */
    fun text(): String = value as? String ?: fail("a text")

    /** True or false. */
    fun flag(): Boolean = value as? Boolean ?: fail("true or false")

    /** A number. */
    fun number(): Double = value as? Double ?: fail("a number")

    /** A whole number within limits. */
    fun whole(from: Long = 0, to: Long = LARGEST_WHOLE): Long {
        val found = number()
        if (found != Math.rint(found) || found < from || found > to) fail("a whole number of $from to $to")
        return found.toLong()
    }

    /** A whole number within limits. */
    fun int(from: Int = 0, to: Int = Int.MAX_VALUE): Int = whole(from.toLong(), to.toLong()).toInt()

    /** A number within limits. */
    fun number(from: Double, to: Double): Double {
        val found = number()
        if (!(found >= from && found <= to)) fail("a number of $from to $to")
        return found
    }

    private fun fail(expected: String): Nothing {
        val shown = if (value is Map<*, *> || value is List<*>) "something else" else "$value"
        throw Problem("$place is $shown; expected $expected: copy or make it again")
    }
}
