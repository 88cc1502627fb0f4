package org.rapsam.core.selftest

import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.rapsam.core.Problem
import org.rapsam.core.bundle.Bundle
import org.rapsam.core.json.JsonValue
import org.rapsam.core.json.parseJson
import org.rapsam.core.run.Tensors
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.Tensor
import org.rapsam.core.tasks.letterbox

private const val INDEX = "golden/index.json"
private const val SCHEMA_VERSION = 1
private const val MAX_CASES = 3
private const val MAX_TENSORS = 64
private val NO_PADDING = listOf(0f, 0f, 0f)

/**
 * An output that is stored in a bundle.
 *
 * @property values Every [step]-th value of the flattened output.
 */
class GoldenOutput(val graph: String, val output: String, val step: Int, val values: FloatArray)

/**
 * One image, with what the reference gives for it.
 *
 * @property given Role to tensor: what the first graphs take.
 * @property picture The image as it fills the first graph.
 */
class GoldenCase(val name: String, val given: Tensors, val picture: Picture, val outputs: List<GoldenOutput>)

/**
 * Reads the self-test of a bundle; docs/formats.md describes its folder "golden".
 *
 * @throws Problem If a file is missing, damaged, or does not fit the graphs.
 */
fun goldenCases(bundle: Bundle): List<GoldenCase> {
    val index = parseJson(bundle.text(INDEX), INDEX)
    val version = index["schema_version"].whole()
    if (version != SCHEMA_VERSION.toLong()) {
        throw Problem("$INDEX has schema version $version; this app reads $SCHEMA_VERSION: export the bundle again")
    }
    val cases = index["cases"].items()
    if (cases.size !in 1..MAX_CASES) {
        throw Problem("$INDEX lists ${cases.size} cases; expected 1 to $MAX_CASES: export the bundle again")
    }
    return cases.map { CaseReader(bundle, it).read() }
}

private class CaseReader(private val bundle: Bundle, private val json: JsonValue) {
    private val contracts = bundle.manifest.graphs.map { it.contract }
    private val roles = contracts.flatMap { it.inputs }.associate { it.name to it.role }
    private var picture: Picture? = null

    fun read(): GoldenCase {
        val inputs = json["inputs"].items()
        val graphs = json["graphs"].items()
        if (inputs.size > MAX_TENSORS || graphs.size > MAX_TENSORS) throw unfit("its lists")
        val given = inputs.associate { input ->
            val name = input["name"].text()
            (roles[name] ?: throw unfit(name)) to tensor(input, name)
        }
        val outputs = graphs.flatMap { graph -> outputs(graph["graph"].text(), graph["outputs"].items()) }
        return GoldenCase(json["name"].text(), given, picture ?: throw unfit("its image"), outputs)
    }

    private fun outputs(graph: String, stored: List<JsonValue>): List<GoldenOutput> {
        val specs = contracts.find { it.graph == graph }?.outputs ?: throw unfit(graph)
        return stored.map { output ->
            val name = output["name"].text()
            val spec = specs.find { it.name == name } ?: throw unfit(name)
            val step = output["step"].int(1, spec.count)
            val values = floats(bundle.file(output["file"].text()))
            if (values.size != (spec.count + step - 1) / step) throw unfit(name)
            GoldenOutput(graph, name, step, values)
        }
    }

    private fun tensor(input: JsonValue, name: String): Tensor {
        val shape = input["shape"].items().map { it.int(1) }
        val path = input["file"].text()
        val file = bundle.file(path)
        if (path.endsWith(".png")) {
            val found = decodePng(file, path)
            picture = found
            if (shape != listOf(1, 3, found.size.height, found.size.width)) throw unfit(name)
            // It fills the input, so nothing is resized: every value stays as it is.
            return letterbox(found, Size(shape[2], shape[3]), NO_PADDING).pixels
        }
        val values = floats(file)
        if (values.size.toLong() != shape.fold(1L) { product, side -> product * side }) throw unfit(name)
        return Tensor(values, shape)
    }

    private fun unfit(what: String) =
        Problem("$INDEX tells of $what what does not fit the graphs and files; export the bundle again")
}

private fun floats(file: ByteBuffer): FloatArray {
    val buffer = file.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
    return FloatArray(buffer.remaining()).also { buffer.get(it) }
}
