package org.rapsam.core.json

/**
 * Writes JSON.
 *
 * @param value A map with texts as names, a list, a text, a number, a boolean or null; nested as one likes.
 * @throws IllegalArgumentException For another value, or a number that is not finite: JSON has none.
 */
fun jsonOf(value: Any?): String = StringBuilder().also { write(it, value) }.toString()

private fun write(to: StringBuilder, value: Any?) {
    when (value) {
        null -> to.append("null")
        is String -> writeText(to, value)
        is Boolean, is Int, is Long -> to.append(value)
        is Double -> to.append(checked(value))
        is Float -> to.append(checked(value.toDouble()))
        is Map<*, *> -> writeAll(to, '{', '}', value.entries) { (name, item) ->
            writeText(to, name as String)
            to.append(':')
            write(to, item)
        }
        is List<*> -> writeAll(to, '[', ']', value) { write(to, it) }
        else -> throw IllegalArgumentException("no JSON for ${value.javaClass}")
    }
}

private fun checked(value: Double): Double {
    require(value.isFinite()) { "no JSON for $value" }
    return value
}

private fun <T> writeAll(to: StringBuilder, start: Char, end: Char, items: Collection<T>, writeOne: (T) -> Unit) {
    to.append(start)
    for ((place, item) in items.withIndex()) {
        if (place > 0) to.append(',')
        writeOne(item)
    }
    to.append(end)
}

private fun writeText(to: StringBuilder, text: String) {
    to.append('"')
    for (char in text) {
        when {
            char == '"' || char == '\\' -> to.append('\\').append(char)
            char < ' ' || char in '\u007F'..'\u009F' || char in '\u2028'..'\u2029' || char.isSurrogate() ->
                to.append("\\u").append(char.code.toString(16).padStart(4, '0'))
            else -> to.append(char)
        }
    }
    to.append('"')
}
