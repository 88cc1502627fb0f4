package org.rapsam.core.run

import org.rapsam.core.Problem
import org.rapsam.core.bundle.Manifest
import org.rapsam.core.bundle.Role
import org.rapsam.core.bundle.Task
import org.rapsam.core.tasks.Choice
import org.rapsam.core.tasks.Fitted
import org.rapsam.core.tasks.Geometry
import org.rapsam.core.tasks.MaskFusion
import org.rapsam.core.tasks.PanopticResult
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Prompt
import org.rapsam.core.tasks.PromptSpec
import org.rapsam.core.tasks.Size
import org.rapsam.core.tasks.Tensor
import org.rapsam.core.tasks.checkFinite
import org.rapsam.core.tasks.chosenCandidates
import org.rapsam.core.tasks.encodePrompts
import org.rapsam.core.tasks.interactiveMasks
import org.rapsam.core.tasks.panopticSegmentation
import org.rapsam.core.tasks.stabilityToChoose

/**
 * The answer to a prompt.
 *
 * @property mask (h0, w0).
 * @property logits (h, w) as the network gave them.
 */
class Region private constructor(
    val mask: BooleanArray,
    val predictedIou: Float,
    internal val logits: Tensor,
    private val geometry: Geometry,
) {
    internal constructor(logits: Tensor, predictedIou: Float, geometry: Geometry) :
        this(maskOf(logits, geometry), predictedIou, logits, geometry)

    /** The same without its mask, which takes most of the memory, and can be made again. */
    internal fun withoutMask() = Region(BooleanArray(0), predictedIou, logits, geometry)

    /** The same with its mask. */
    internal fun withMask() = Region(logits, predictedIou, geometry)
}

private fun maskOf(logits: Tensor, geometry: Geometry): BooleanArray =
    interactiveMasks(Tensor(logits.data, listOf(1) + logits.shape), geometry).single()

/**
 * From pixels to results with the graphs of a bundle, as rapsam/inference/segmenter.py does it. Not for several threads at
 * a time. What depends on a photo alone is computed once for it.
 */
class Segmenter(private val loaded: LoadedBundle) {
    private val manifest = loaded.bundle.manifest
    private val prompted = manifest.pipeline(Task.PROMPT)
    private val finding = manifest.pipeline(Task.PANOPTIC) ?: manifest.pipeline(Task.VIDEO)
    private val perPhoto = manifest.graphs.map { it.contract.graph } - promptedGraphs(manifest.graphs.map { it.contract })
    private var input = FloatArray(0)
    private var taken: Taken? = null
    private var fusion: MaskFusion? = null

    /** What it takes as a prompt; null if it takes none. */
    val promptSpec: PromptSpec? get() = manifest.prompting

    /** Whether it finds objects. */
    val findsObjects: Boolean get() = finding != null

    private class Taken(val fitted: Fitted, val graphs: Map<String, Graph>)

    /** Takes the photo, or the frame, that the next questions are about. */
    fun take(picture: Picture) {
        if (input.isEmpty()) input = FloatArray(3 * manifest.preprocess.size.area)
        val fitted = manifest.preprocess.fitted(picture, input)
        taken = Taken(fitted, loaded.graphs.mapValues { (name, it) -> if (name in perPhoto) OnceOnly(it) else it })
    }

    /** Forgets the photo, and what was computed of it. */
    fun forget() {
        input = FloatArray(0)
        taken = null
        fusion = null
    }

    /**
     * Finds the objects in the photo.
     *
     * @throws Problem If the bundle does not, or the network's outputs cannot be used.
     */
    fun panoptic(): PanopticResult {
        val (fitted, graphs) = current()
        val names = finding?.graphs ?: throw Problem("this bundle does not find objects; take another one")
        return panopticOf(outputsByRole(names, graphs, mapOf(Role.IMAGE to fitted.pixels)), fitted.geometry)
    }

    /** Makes a panoptic result of what the graphs returned, by role. */
    internal fun panopticOf(outputs: Tensors, geometry: Geometry): PanopticResult {
        val classLogits = ofOne(outputs, Role.CLASS_LOGITS)
        val maskLogits = ofOne(outputs, Role.MASK_LOGITS)
        val source = Size(maskLogits.shape.getOrElse(1) { 0 }, maskLogits.shape.getOrElse(2) { 0 })
        val thresholds = manifest.thresholds ?: throw Problem("this bundle has no thresholds; export it again")
        val kept = fusion?.takeIf { it.geometry == geometry && it.source == source } ?: MaskFusion(source, geometry)
        fusion = kept
        return panopticSegmentation(classLogits, maskLogits, geometry, manifest.numThings, thresholds, kept)
            .also { checkClasses(it.void, manifest) }
    }

    /** Computes what all prompts on the photo have in common, so that the first one waits no longer than the others. */
    fun prepare() {
        val (fitted, graphs) = current()
        val ofPhoto = prompted?.graphs.orEmpty().filter { it in perPhoto }
        runChain(ofPhoto, graphs, mapOf(Role.IMAGE to fitted.pixels))
    }

    /**
     * Answers prompts on the photo.
     *
     * @param prompts In its pixels.
     * @return One per prompt: of several candidates the one that it means.
     * @throws Problem If the bundle takes none of the kind, or one lies outside.
     */
    fun segment(prompts: List<Prompt>): List<Region> {
        val (fitted, graphs) = current()
        val encoded = encoded(prompts, fitted.geometry)
        val perPass = promptsPerPass(encoded.keys)
        return prompts.indices.step(perPass).flatMap { start ->
            val given = encoded.mapValues { (_, tensor) -> filled(tensor, start, perPass) }
            val outputs = outputsByRole(prompted!!.graphs, graphs, given + (Role.IMAGE to fitted.pixels))
            regionsOf(outputs, prompts.subList(start, minOf(start + perPass, prompts.size)), fitted.geometry)
        }
    }

    /** Encodes prompts for the graphs, as many as there are; by role. */
    internal fun encoded(prompts: List<Prompt>, geometry: Geometry): Tensors {
        val spec = promptSpec ?: throw Problem("this bundle takes no prompts; take another one")
        return encodePrompts(prompts, spec, geometry)
    }

    /** Prompts that the graphs take at a time. */
    internal fun promptsPerPass(roles: Set<String>): Int {
        val specs = prompted?.graphs.orEmpty().flatMap { manifest.graph(it).contract.inputs }
        return specs.filter { it.role in roles }.minOfOrNull { it.shape.getOrElse(1) { 1 } }
            ?: throw Problem("no graph of the bundle takes ${roles.joinToString()}; export it again")
    }

    /** Makes the answers to the first prompts of a pass of what the graphs returned, by role. */
    internal fun regionsOf(outputs: Tensors, prompts: List<Prompt>, geometry: Geometry): List<Region> {
        val spec = promptSpec ?: throw Problem("this bundle takes no prompts; take another one")
        val logits = ofOne(outputs, Role.MASK_LOGITS)
        val iou = ofOne(outputs, Role.IOU)
        val candidates = iou.data.size / (iou.shape.firstOrNull() ?: 1).coerceAtLeast(1)
        val size = logits.shape.takeLast(2)
        val step = size[0] * size[1]
        val total = prompts.size * candidates
        if (candidates != spec.candidates || iou.data.size < total || logits.data.size < total * step) {
            throw Problem(
                "the graphs return masks of ${logits.shape} with predicted IoUs of ${iou.shape}, the bundle says " +
                    "${spec.candidates} masks a prompt; export it again",
            )
        }
        checkFinite("predicted IoUs", iou.data)
        val ambiguous = prompts.map { it.isAmbiguous }
        val scores = when (spec.choice) {
            Choice.IOU -> iou.data.copyOf(total)
            Choice.STABILITY -> {
                val all = Tensor(logits.data.copyOf(total * step), listOf(total) + size)
                stabilityToChoose(all, geometry, ambiguous, spec.single)
            }
        }
        return chosenCandidates(scores, ambiguous, spec.single).mapIndexed { prompt, chosen ->
            val place = prompt * candidates + chosen
            val one = Tensor(logits.data.copyOfRange(place * step, (place + 1) * step), size)
            Region(one, iou.data[place], geometry)
        }
    }

    private fun current(): Pair<Fitted, Map<String, Graph>> {
        val now = taken ?: throw Problem("there is no photo yet; choose one first")
        return now.fitted to now.graphs
    }
}

/** Cuts the prompts of a pass (1, K, ...); the last pass is filled up with copies, whose results are dropped. */
internal fun filled(prompts: Tensor, start: Int, count: Int): Tensor {
    val total = prompts.shape[1]
    val width = prompts.data.size / total
    val data = FloatArray(count * width)
    for (place in 0 until count) {
        val from = minOf(start + place, total - 1) * width
        prompts.data.copyInto(data, place * width, from, from + width)
    }
    return Tensor(data, listOf(1, count) + prompts.shape.drop(2))
}

/** Checks that the network has the classes that the bundle names. */
internal fun checkClasses(known: Int, manifest: Manifest) {
    if (known != manifest.labels.size) {
        throw Problem("the network knows $known classes, the bundle names ${manifest.labels.size}; export it again")
    }
}

internal fun ofOne(outputs: Tensors, role: String): Tensor {
    val tensor = outputs[role]
    if (tensor == null || tensor.shape.size < 3 && role != Role.IOU || tensor.shape[0] != 1) {
        throw Problem("the graphs returned no $role of one image; export the bundle again")
    }
    return tensor.withoutBatch()
}

/** A graph that runs once, for those that depend on the photo alone. */
private class OnceOnly(private val graph: Graph) : Graph by graph {
    private var outputs: Tensors? = null

    override fun run(inputs: Tensors): Tensors = outputs ?: graph.run(inputs).also { outputs = it }
}
