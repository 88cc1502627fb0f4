package org.rapsam.core.bundle

import org.rapsam.core.tasks.Fit
import org.rapsam.core.tasks.Fitted
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.PromptSpec
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.Thresholds
import org.rapsam.core.tasks.letterbox

/**
 * One input or output of a graph; see rapsam/contract.py.
 *
 * @property role What the tensor is to a task, as in [Role].
 */
data class TensorSpec(val name: String, val shape: List<Int>, val dtype: String, val role: String) {
    /** Numbers. */
    val count: Int get() = shape.fold(1, Int::times)
}

/** What tensors are to a task, whatever a family of networks calls them. */
object Role {
    const val IMAGE = "image"
    const val FLOW = "flow"
    const val CLASS_LOGITS = "class_logits"
    const val MASK_LOGITS = "mask_logits"
    const val QUERIES = "queries"
    const val IOU = "iou"
}

/** Tasks of pipelines that this app does. */
object Task {
    const val PANOPTIC = "panoptic"
    const val VIDEO = "video"
    const val PROMPT = "prompt"
}

/** What a graph takes and returns. */
data class GraphContract(val graph: String, val inputs: List<TensorSpec>, val outputs: List<TensorSpec>) {
    /** Whether it takes encoded prompts. */
    val takesPrompts: Boolean get() = inputs.any { it.role != Role.IMAGE && it.role != Role.FLOW }
}

/** @property path Of its file in the bundle. */
data class GraphEntry(val path: String, val contract: GraphContract)

/** @property graphs That do the task, in the order in which an app runs them. */
data class Pipeline(val task: String, val graphs: List<String>)

/** A class of objects. */
data class Label(val name: String, val isThing: Boolean)

/** From a photograph to the first graph's input. */
data class PreprocessSpec(val size: Size, val padColour: List<Float>, val fit: Fit) {
    /**
     * Fits an image.
     *
     * @param target See [letterbox].
     */
    fun fitted(picture: Picture, target: FloatArray = FloatArray(3 * size.area)): Fitted =
        letterbox(picture, size, padColour, target, fit)
}

/** A file of a bundle. */
data class FileEntry(val path: String, val sha256: String, val sizeBytes: Int)

/**
 * What an app must know of a bundle; docs/formats.md describes the file.
 *
 * @property labels In the order of the class logits, things first; empty where no objects are found.
 * @property thresholds Null where no objects are found.
 * @property topK Instances to look at; null where no objects are found.
 * @property prompts As it says; see also [prompting].
 */
data class Manifest(
    val recipe: String,
    val model: String,
    val minimumRuntime: String,
    val graphs: List<GraphEntry>,
    val pipelines: List<Pipeline>,
    val labels: List<Label>,
    val preprocess: PreprocessSpec,
    val thresholds: Thresholds?,
    val topK: Int?,
    val prompts: PromptSpec?,
    val files: List<FileEntry>,
) {
    /** The first classes that are things. */
    val numThings: Int get() = labels.count { it.isThing }

    /** What it takes as a prompt; null if no graphs take one. */
    val prompting: PromptSpec? get() = prompts.takeIf { pipeline(Task.PROMPT) != null }

    /** The pipeline of a task; null if the bundle does not do it. */
    fun pipeline(task: String): Pipeline? = pipelines.find { it.task == task }

    /** A graph by its name. */
    fun graph(name: String): GraphEntry = graphs.first { it.contract.graph == name }
}
