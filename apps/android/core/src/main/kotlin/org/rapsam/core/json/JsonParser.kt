package org.rapsam.core.json

import org.rapsam.core.Problem

private const val MAX_DEPTH = 64
private const val HEX = 16
private const val HEX_DIGITS = 4
private val NUMBER = Regex("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?")
private val ESCAPES = mapOf(
    '"' to '"', '\\' to '\\', '/' to '/', 'b' to '\b', 'f' to '\u000C', 'n' to '\n', 'r' to '\r', 't' to '\t',
)

/**
 * Reads JSON strictly, as RFC 8259 has it; names may not be repeated, and nothing is nested more than 64 deep.
 *
 * @param name Of the file, for messages.
 * @throws Problem If it is none.
 */
fun parseJson(text: String, name: String): JsonValue = JsonValue(JsonParser(text, name).whole(), name)

/** Objects become maps, arrays lists; then there are texts, doubles, booleans and null. */
private class JsonParser(private val text: String, private val name: String) {
    private var at = 0

    fun whole(): Any? {
        val found = value(0)
        skipBlank()
        if (at != text.length) fail("something follows its end")
        return found
    }

    private fun value(depth: Int): Any? {
        if (depth > MAX_DEPTH) fail("it is nested too deep")
        skipBlank()
        return when (val first = peek()) {
            '{' -> fields(depth)
            '[' -> items(depth)
            '"' -> string()
            't' -> word("true", true)
            'f' -> word("false", false)
            'n' -> word("null", null)
            else -> if (first == '-' || first in '0'..'9') number() else fail("a value is missing")
        }
    }

    private fun fields(depth: Int): Map<String, Any?> {
        val found = LinkedHashMap<String, Any?>()
        list('}') {
            skipBlank()
            if (peek() != '"') fail("a name is missing")
            val field = string()
            skipBlank()
            expect(':')
            if (field in found) fail("a name comes twice")
            found[field] = value(depth + 1)
        }
        return found
    }

    private fun items(depth: Int): List<Any?> {
        val found = ArrayList<Any?>()
        list(']') { found += value(depth + 1) }
        return found
    }

    /** Reads what stands between brackets, entry by entry. */
    private inline fun list(end: Char, entry: () -> Unit) {
        at++
        skipBlank()
        if (peek() == end) {
            at++
            return
        }
        while (true) {
            entry()
            skipBlank()
            if (peek() != ',') break
            at++
        }
        expect(end)
    }

    private fun string(): String {
        at++
        val found = StringBuilder()
        while (true) {
            val char = peek() ?: fail("a text has no end")
            at++
            when {
                char == '"' -> return found.toString()
                char == '\\' -> found.append(escaped())
                char < ' ' -> fail("a text holds a control character")
                else -> found.append(char)
            }
        }
    }

    private fun escaped(): Char {
        val char = peek()
        at++
        if (char != 'u') return ESCAPES[char] ?: fail("a text holds an unknown escape")
        val digits = text.substring(at, minOf(at + HEX_DIGITS, text.length))
        at += HEX_DIGITS
        if (!digits.matches(Regex("[0-9a-fA-F]{4}"))) fail("a text holds an unknown escape")
        return digits.toInt(HEX).toChar()
    }

    private fun number(): Double {
        val match = NUMBER.matchAt(text, at) ?: fail("a number is malformed")
        at = match.range.last + 1
        val found = match.value.toDouble()
        return if (found.isFinite()) found else fail("a number is too large")
    }

    private fun word(word: String, meaning: Any?): Any? {
        if (!text.startsWith(word, at)) fail("a value is missing")
        at += word.length
        return meaning
    }

    private fun expect(char: Char) {
        if (peek() != char) fail("\"$char\" is missing")
        at++
    }

    private fun skipBlank() {
        while (at < text.length && text[at] in " \t\r\n") at++
    }

    private fun peek(): Char? = text.getOrNull(at)

    private fun fail(what: String): Nothing = throw Problem("$name is damaged: $what (character $at); copy it again")
}
