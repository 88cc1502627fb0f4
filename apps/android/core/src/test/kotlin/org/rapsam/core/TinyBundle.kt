package org.rapsam.core

import java.awt.image.BufferedImage
import java.io.ByteArrayOutputStream
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.file.Files
import java.security.MessageDigest
import javax.imageio.ImageIO
import org.rapsam.core.json.jsonOf

/** Side of the network's image; its mask logits have a quarter of it. */
const val SIDE = 32
private const val QUERIES = 3

/** Names in the order of the class logits, and whether each is a thing. */
val TINY_LABELS = listOf("cup" to true, "lamp" to true, "wall" to false)

/** One point or one box, answered by one mask; of a manifest. */
val ONE_OF_ONE = mapOf(
    "negative_points" to false, "points_with_box" to false, "candidates" to 1, "single" to null, "choice" to "iou",
    "masks" to false, "mask_stride" to null,
)

/** A bundle of one network for objects and one for prompts, whose graphs only [FakeFactory] runs. */
class TinyBundle {
    val folder: File = Files.createTempDirectory("bundle").toFile().apply { deleteOnExit() }

    /** Of the graphs' files. */
    var suffix = ".fake"

    /** Of one prompt; where it is more than one, prompts are points and the corners of a box. */
    var maxPoints = 1

    /** Whether an earlier answer may be given with several points. */
    var takesMasks = true

    /** Changes the manifest before it is sealed. */
    var edit: (MutableMap<String, Any?>) -> Unit = {}

    private val files = LinkedHashMap<String, ByteArray>()

    /** Writes all files, and seals them. */
    fun write(): TinyBundle {
        files.clear()
        files["objects$suffix"] = "objects".toByteArray()
        files["prompt$suffix"] = "prompt".toByteArray()
        files["golden/scene.png"] = png()
        files["golden/boxes.bin"] = floats(0.25f, 0.25f, 0.75f, 0.75f)
        files["golden/iou.bin"] = floats(0.5f)
        files["golden/index.json"] = jsonOf(index()).toByteArray()
        files["parity.json"] = jsonOf(mapOf("tensors" to listOf(row()))).toByteArray()
        for ((path, content) in files) put(path, content)
        val manifest = manifest().also(edit)
        put("manifest.json", jsonOf(manifest).toByteArray())
        seal()
        return this
    }

    /** Writes a file, whatever the manifest says. */
    fun put(path: String, content: ByteArray) {
        val file = File(folder, path)
        file.parentFile.mkdirs()
        file.writeBytes(content)
    }

    /** Writes the digest of the manifest as it is now. */
    fun seal() = put("manifest.sha256", "${sha256(File(folder, "manifest.json").readBytes())}  manifest.json\n".toByteArray())

    private fun manifest() = linkedMapOf<String, Any?>(
        "schema_version" to 4,
        "recipe" to "fake-fp32",
        "minimum_runtime" to "fake 1",
        "model" to mapOf("name" to "tiny"),
        "graphs" to listOf(
            graph(
                "objects",
                listOf(tensor("image", listOf(1, 3, SIDE, SIDE), "image")),
                listOf(
                    tensor("classes", listOf(1, QUERIES, TINY_LABELS.size + 1), "class_logits"),
                    tensor("masks", listOf(1, QUERIES, SIDE / 4, SIDE / 4), "mask_logits"),
                    tensor("features", listOf(1, 1, SIDE / 4, SIDE / 4), "flow"),
                ),
            ),
            graph(
                "prompt",
                listOf(tensor("features", listOf(1, 1, SIDE / 4, SIDE / 4), "flow")) + promptTensors(),
                listOf(
                    tensor("mask", listOf(1, 1, SIDE / 4, SIDE / 4), "mask_logits"),
                    tensor("iou", listOf(1, 1), "iou"),
                ),
            ),
        ),
        "pipelines" to listOf(
            mapOf("task" to "panoptic", "graphs" to listOf("objects")),
            mapOf("task" to "prompt", "graphs" to listOf("objects", "prompt")),
        ),
        "labels" to mapOf("labels" to TINY_LABELS.map { (name, isThing) -> mapOf("name" to name, "is_thing" to isThing) }),
        "preprocess" to mapOf(
            "size" to listOf(SIDE, SIDE),
            "layout" to "NCHW",
            "dtype" to "float32",
            "colour_order" to "RGB",
            "fit" to "letterbox",
            "resize" to "bilinear, half-pixel centres, no antialiasing, rounded to 8 bits",
            "pad_colour" to listOf(123.675, 116.28, 103.53),
        ),
        "postprocess" to mapOf("score_threshold" to 0.5, "overlap_threshold" to 0.5, "top_k" to 10),
        "prompts" to prompts(),
        "files" to files.map { (path, content) ->
            mapOf("path" to path, "sha256" to sha256(content), "size_bytes" to content.size)
        },
    )

    private fun promptTensors(): List<Any> {
        if (maxPoints == 1) return listOf(tensor("boxes", listOf(1, 1, 4), "boxes"))
        val masks = listOf(
            tensor("mask_prompt", listOf(1, 1, 1, SIDE / 4, SIDE / 4), "mask_prompt"),
            tensor("has_mask_prompt", listOf(1, 1), "has_mask_prompt"),
        )
        return listOf(
            tensor("points", listOf(1, 1, maxPoints + 2, 2), "points"),
            tensor("point_labels", listOf(1, 1, maxPoints + 2), "point_labels"),
        ) + if (takesMasks) masks else emptyList()
    }

    private fun prompts(): Map<String, Any?> {
        val one = mapOf("encoding" to "boxes", "max_points" to 1, "boxes" to true, "point_radius" to 3.0) + ONE_OF_ONE
        if (maxPoints == 1) return one
        return one + mapOf(
            "encoding" to "points", "max_points" to maxPoints, "point_radius" to null, "negative_points" to true,
            "points_with_box" to true, "masks" to takesMasks, "mask_stride" to if (takesMasks) 4 else null,
        )
    }

    private fun graph(name: String, inputs: List<Any>, outputs: List<Any>) =
        mapOf("path" to name + suffix, "contract" to mapOf("graph" to name, "inputs" to inputs, "outputs" to outputs))

    private fun tensor(name: String, shape: List<Int>, role: String) =
        mapOf("name" to name, "shape" to shape, "dtype" to "float32", "role" to role)

    private fun index() = mapOf(
        "schema_version" to 1,
        "cases" to listOf(
            mapOf(
                "name" to "scene",
                "inputs" to listOf(
                    stored("image", listOf(1, 3, SIDE, SIDE), "golden/scene.png"),
                    stored("boxes", listOf(1, 1, 4), "golden/boxes.bin"),
                ),
                "graphs" to listOf(
                    mapOf("graph" to "prompt", "outputs" to listOf(stored("iou", listOf(1, 1), "golden/iou.bin"))),
                ),
            ),
        ),
    )

    private fun stored(name: String, shape: List<Int>, file: String) =
        mapOf("name" to name, "shape" to shape, "step" to 1, "file" to file)

    private fun row() = mapOf("graph" to "prompt", "output" to "iou", "case" to "scene", "sqnr_db" to 60.0)
}

/** A picture of a gradient, as an encoder that is not ours writes it. */
fun png(): ByteArray {
    val image = BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB)
    for (y in 0 until SIDE) for (x in 0 until SIDE) image.setRGB(x, y, 8 * x shl 16 or (8 * y shl 8) or (x * y and 255))
    return ByteArrayOutputStream().also { ImageIO.write(image, "png", it) }.toByteArray()
}

private fun floats(vararg values: Float): ByteArray {
    val buffer = ByteBuffer.allocate(4 * values.size).order(ByteOrder.LITTLE_ENDIAN)
    values.forEach(buffer::putFloat)
    return buffer.array()
}

private fun sha256(content: ByteArray): String =
    MessageDigest.getInstance("SHA-256").digest(content).joinToString("") { "%02x".format(it) }
