package org.rapsam.core

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs
import org.rapsam.core.json.JsonValue
import org.rapsam.core.json.parseJson
import org.rapsam.core.tasks.Geometry
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.Tensor
import org.rapsam.core.tasks.packed

/** An array of a golden vector: `apps/fixtures/README.md`. Values of all types are kept as float64, which holds them all. */
class FixtureArray(val isFloat: Boolean, val shape: List<Int>, val values: DoubleArray) {
    fun tensor() = Tensor(FloatArray(values.size) { values[it].toFloat() }, shape)

    fun ints() = IntArray(values.size) { values[it].toInt() }

    fun masks(): List<BooleanArray> {
        val step = values.size / shape[0]
        return List(shape[0]) { mask -> BooleanArray(step) { values[mask * step + it] != 0.0 } }
    }

    fun picture() = Picture(
        IntArray(values.size / 3) { packed(values[3 * it].toInt(), values[3 * it + 1].toInt(), values[3 * it + 2].toInt()) },
        Size(shape[0], shape[1]),
    )
}

/** One case: what a function is given, and what it must return. */
class FixtureCase(private val folder: File, json: JsonValue) {
    val function = json["function"].text()
    val name = json["name"].text()
    private val given = json["given"]
    private val expected = json["expected"]

    fun array(field: String) = array(given[field])

    fun int(field: String) = given[field].int()

    fun text(field: String) = given[field].text()

    fun number(field: String) = given[field].number()

    fun size(field: String) = given[field].items().let { (height, width) -> Size(height.int(), width.int()) }

    fun rows(field: String) = given[field].items().map { row -> row.items().map { it.number() } }

    fun numbers(field: String) = given[field].items().map { it.number() }

    fun geometry() = Geometry(size("padded_size"), size("content_size"), size("original_size"))

    /** Compares numbers: integers bit for bit, floats within 1e-6 of the larger of 1 and what is expected. */
    fun check(field: String, found: DoubleArray) {
        val wanted = expected[field]
        val array = if (wanted.isArray()) array(wanted) else null
        val values = array?.values ?: wanted.flat()
        if (values.size != found.size) throw AssertionError("$field: ${found.size} values, expected ${values.size}")
        val wrong = values.indices.filter { i ->
            val allowed = if (array != null && array.isFloat) 1e-6 * maxOf(1.0, abs(values[i])) else 0.0
            !(abs(found[i] - values[i]) <= allowed)
        }
        if (wrong.isEmpty()) return
        val first = wrong.first()
        throw AssertionError(
            "$field: ${wrong.size} of ${found.size} differ, the first at $first: ${found[first]}, expected ${values[first]}",
        )
    }

    fun check(field: String, found: FloatArray) = check(field, DoubleArray(found.size) { found[it].toDouble() })

    fun check(field: String, found: IntArray) = check(field, DoubleArray(found.size) { found[it].toDouble() })

    fun check(field: String, found: List<BooleanArray>) =
        check(field, found.flatMap { mask -> mask.map { if (it) 1.0 else 0.0 } }.toDoubleArray())

    fun check(field: String, found: Picture) =
        check(field, found.argb.flatMap { listOf(it shr 16 and 255, it shr 8 and 255, it and 255) }.toIntArray())

    private fun array(json: JsonValue): FixtureArray {
        val shape = json["shape"].items().map { it.int() }
        val count = shape.fold(1, Int::times)
        val bytes = ByteBuffer.wrap(File(folder, json["file"].text()).readBytes()).order(ByteOrder.LITTLE_ENDIAN)
        val at = json["offset"].int()
        val type = json["dtype"].text()
        val values = DoubleArray(count) { i ->
            when (type) {
                "uint8" -> (bytes.get(at + i).toInt() and 0xFF).toDouble()
                "int32" -> bytes.getInt(at + 4 * i).toDouble()
                "float32" -> bytes.getFloat(at + 4 * i).toDouble()
                else -> throw AssertionError("unknown dtype $type")
            }
        }
        return FixtureArray(type == "float32", shape, values)
    }
}

private fun JsonValue.isArray() = runCatching { !this["file"].isNull }.getOrDefault(false)

/** Numbers of nested lists, one after another. */
private fun JsonValue.flat(): DoubleArray = runCatching { doubleArrayOf(number()) }.getOrElse {
    items().flatMap { it.flat().toList() }.toDoubleArray()
}

/** Reads all cases of the golden vectors. */
fun fixtureCases(folder: File): List<FixtureCase> {
    val index = parseJson(File(folder, "index.json").readText(), "index.json")
    assertEqual(1L, index["format"].whole())
    return index["cases"].items().map { FixtureCase(folder, it) }
}
