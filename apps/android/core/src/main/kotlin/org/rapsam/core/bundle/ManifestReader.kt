package org.rapsam.core.bundle

import org.rapsam.core.Problem
import org.rapsam.core.json.JsonValue
import org.rapsam.core.json.parseJson
import org.rapsam.core.printable
import org.rapsam.core.tasks.BOXES
import org.rapsam.core.tasks.Choice
import org.rapsam.core.tasks.Fit
import org.rapsam.core.tasks.POINTS
import org.rapsam.core.tasks.PromptSpec
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.Thresholds

/** Of manifests that this app reads; rapsam/export/bundle/manifest.py defines it. */
const val SCHEMA_VERSION = 4
private const val MAX_SIDE = 16384

/** Of a network's image: its numbers then take 200 MB. */
private const val MAX_PIXELS = 1 shl 24
private const val MAX_ELEMENTS = 1 shl 28
private const val MAX_AXES = 8
private const val MAX_GRAPHS = 16
private const val MAX_CLASSES = 10_000
private const val MAX_FILE_BYTES = 1 shl 30
private const val MAX_RADIUS = 64.0
private const val MAX_POINTS = 64
private const val MAX_CANDIDATES = 16
private const val MAX_STRIDE = 64
private val DIGEST = Regex("[0-9a-f]{64}")

/** What this app does; a manifest that asks for something else is refused. */
private val DONE_HERE = mapOf(
    "layout" to "NCHW",
    "dtype" to "float32",
    "colour_order" to "RGB",
)

/**
 * Reads a manifest.
 *
 * @throws Problem If it is damaged, of another schema, or asks for what this app does not do.
 */
internal fun readManifest(text: String): Manifest {
    val json = parseJson(text, MANIFEST)
    val version = json["schema_version"].whole()
    if (version != SCHEMA_VERSION.toLong()) {
        val remedy = if (version > SCHEMA_VERSION) "install a newer app" else "export the bundle again"
        throw Problem("$MANIFEST has schema version $version; this app reads $SCHEMA_VERSION: $remedy")
    }
    val postprocess = json["postprocess"].orNull()
    val found = Manifest(
        recipe = json["recipe"].text(),
        model = json["model"]["name"].text(),
        minimumRuntime = json["minimum_runtime"].text(),
        graphs = bounded(json["graphs"], 1..MAX_GRAPHS).map(::graphEntry),
        pipelines = bounded(json["pipelines"], 1..MAX_GRAPHS).map { pipeline ->
            Pipeline(pipeline["task"].text(), bounded(pipeline["graphs"], 1..MAX_GRAPHS).map { it.text() })
        },
        labels = json["labels"].orNull()?.let { labels -> bounded(labels["labels"], 1..MAX_CLASSES).map(::label) }
            .orEmpty(),
        preprocess = preprocess(json["preprocess"]),
        thresholds = postprocess?.let {
            Thresholds(it["score_threshold"].number(0.0, 1.0), it["overlap_threshold"].number(0.0, 1.0))
        },
        topK = postprocess?.get("top_k")?.int(1, MAX_ELEMENTS),
        prompts = json["prompts"].orNull()?.let(::promptSpec),
        files = json["files"].items().map(::fileEntry),
    )
    checkFit(found)
    return found
}

private fun graphEntry(json: JsonValue): GraphEntry {
    val contract = json["contract"]
    val tensors = { name: String -> bounded(contract[name], 1..MAX_ELEMENTS).map(::tensorSpec) }
    return GraphEntry(
        json["path"].text(),
        GraphContract(contract["graph"].text(), tensors("inputs"), tensors("outputs")),
    )
}

private fun tensorSpec(json: JsonValue): TensorSpec {
    val name = json["name"].text()
    val shape = bounded(json["shape"], 1..MAX_AXES).map { it.int(1, MAX_ELEMENTS) }
    if (shape.fold(1L) { product, side -> minOf(product * side, MAX_ELEMENTS + 1L) } > MAX_ELEMENTS) {
        throw Problem("${printable(name)} has the shape $shape; expected at most $MAX_ELEMENTS numbers: export it again")
    }
    return TensorSpec(name, shape, json["dtype"].text(), json["role"].text())
}

private fun label(json: JsonValue) = Label(json["name"].text(), json["is_thing"].flag())

private fun preprocess(json: JsonValue): PreprocessSpec {
    for ((field, done) in DONE_HERE) checkDone(json, field, listOf(done))
    checkDone(json, "fit", Fit.entries.map { it.spelling })
    val fit = Fit.entries.first { it.spelling == json["fit"].text() }
    checkDone(json, "resize", listOf(fit.resize))
    val (height, width) = bounded(json["size"], 2..2).map { it.int(1, MAX_SIDE) }
    if (height * width > MAX_PIXELS) {
        throw Problem(
            "$MANIFEST asks for images of ${width}x$height px; this app runs networks for at most $MAX_PIXELS pixels: export the " +
                "bundle at a smaller size",
        )
    }
    val padColour = bounded(json["pad_colour"], 3..3).map { it.number(0.0, 255.0).toFloat() }
    return PreprocessSpec(Size(height, width), padColour, fit)
}

private fun checkDone(json: JsonValue, field: String, done: List<String>) {
    val asked = json[field].text()
    if (asked !in done) {
        val known = done.joinToString("\" or \"")
        throw Problem("the bundle asks for the $field \"$asked\", this app does \"$known\": install a newer app")
    }
}

/** Reads what a manifest says of prompts; see [readManifest]. */
internal fun promptSpec(json: JsonValue): PromptSpec {
    val choice = json["choice"].text()
    if (Choice.entries.none { it.spelling == choice }) {
        throw Problem("the bundle chooses masks by \"$choice\"; expected iou or stability: install a newer app")
    }
    val candidates = json["candidates"].int(1, MAX_CANDIDATES)
    checkCarried(json)
    return PromptSpec(
        encoding = json["encoding"].text(),
        maxPoints = json["max_points"].int(0, MAX_POINTS),
        negativePoints = json["negative_points"].flag(),
        boxes = json["boxes"].flag(),
        pointsWithBox = json["points_with_box"].flag(),
        pointRadius = json["point_radius"].orNull()?.number(0.0, MAX_RADIUS) ?: 0.0,
        candidates = candidates,
        single = json["single"].orNull()?.int(0, candidates - 1)?.also {
            if (candidates == 1) throw Problem("$MANIFEST chooses among one mask a prompt; export the bundle again")
        },
        choice = Choice.entries.first { it.spelling == choice },
        maskStride = if (json["masks"].flag()) json["mask_stride"].int(1, MAX_STRIDE) else null,
    )
}

/** Checks that prompts are said to be no more than their encoding carries, as rapsam/tasks/prompt_set.py does. */
private fun checkCarried(json: JsonValue) {
    val points = json["max_points"].int(0, MAX_POINTS)
    val hasRadius = !json["point_radius"].isNull
    val masks = json["masks"].flag()
    val isMore = points > 1 || listOf("negative_points", "points_with_box").any { json[it].flag() } || masks
    val problem = when (json["encoding"].text()) {
        BOXES -> "boxes, which carry one box, or one point with a radius, and nothing else"
            .takeIf { isMore || (points > 0) != hasRadius }
        POINTS -> "points, with a radius; expected none".takeIf { hasRadius }
        else -> null // This app has no use for them, and says so where it is asked.
    }
    if (problem != null) throw Problem("$MANIFEST says that prompts are encoded as $problem: export the bundle again")
    if (points == 0 && !json["boxes"].flag() && !masks) {
        throw Problem("$MANIFEST says that prompts are neither points nor boxes nor masks; export the bundle again")
    }
    if (masks == json["mask_stride"].isNull) {
        throw Problem("$MANIFEST has masks as prompts without their stride, or a stride without masks; export the bundle again")
    }
}

private fun fileEntry(json: JsonValue): FileEntry {
    val path = json["path"].text()
    val digest = json["sha256"].text()
    if (!isPlainPath(path) || !DIGEST.matches(digest)) {
        throw Problem("$MANIFEST names a file \"$path\" with the digest \"$digest\"; export the bundle again")
    }
    return FileEntry(path, digest, json["size_bytes"].int(0, MAX_FILE_BYTES))
}

/** Whether a path leads to a file below the bundle, on every system. */
private fun isPlainPath(path: String): Boolean = path.isNotEmpty() &&
    path.none { it.isISOControl() || it == '\\' || it == ':' } &&
    path.split("/").none { it.isEmpty() || it == "." || it == ".." }

/** Checks that the parts name each other. */
private fun checkFit(manifest: Manifest) {
    val names = manifest.graphs.map { it.contract.graph }
    val paths = manifest.files.map { it.path }
    val lost = manifest.pipelines.flatMap { it.graphs } - names.toSet()
    val isTwice = names.toSet().size != names.size || paths.toSet().size != paths.size
    if (lost.isNotEmpty() || isTwice) {
        throw Problem("$MANIFEST names graphs or files that are not there, or twice; export the bundle again")
    }
    val findsObjects = manifest.pipelines.any { it.task == Task.PANOPTIC || it.task == Task.VIDEO }
    if (findsObjects && (manifest.labels.isEmpty() || manifest.thresholds == null)) {
        throw Problem("$MANIFEST has a task that finds objects, but no classes; export the bundle again")
    }
    if (manifest.labels.dropWhile { it.isThing }.any { it.isThing }) {
        throw Problem("$MANIFEST has classes of things behind those of stuff; export the bundle again")
    }
}

private fun bounded(json: JsonValue, count: IntRange): List<JsonValue> {
    val items = json.items()
    if (items.size !in count) {
        throw Problem("$MANIFEST has a list of ${items.size}; expected $count entries: export the bundle again")
    }
    return items
}
