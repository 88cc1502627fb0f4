package org.rapsam.core.tasks

import org.rapsam.core.Problem

/** What tells the best of several candidate masks. */
enum class Choice(val spelling: String) { IOU("iou"), STABILITY("stability") }

/**
 * What a model takes as a prompt, and what it answers, as a manifest has it.
 *
 * @property encoding Of the tensors that its graphs get.
 * @property maxPoints Of one prompt; 0 if it takes none.
 * @property negativePoints Whether a point may lie beside the region.
 * @property boxes Whether it takes a box.
 * @property pointsWithBox Whether points and a box may belong to one prompt.
 * @property pointRadius In pixels of the network's image: encoded as a box, a point reaches so far to every side.
 * @property candidates Masks per prompt.
 * @property single The candidate that all but a single point means; null if all prompts mean the best alike.
 * @property choice By what the best of several is chosen.
 * @property maskStride Pixels of the network's image per pixel of an earlier answer that it takes; null if it takes none.
 */
data class PromptSpec(
    val encoding: String,
    val maxPoints: Int,
    val negativePoints: Boolean,
    val boxes: Boolean,
    val pointsWithBox: Boolean,
    val pointRadius: Double,
    val candidates: Int,
    val single: Int?,
    val choice: Choice,
    val maskStride: Int?,
) {
    /** Says for people what one prompt may be. */
    internal val described: String
        get() {
            val points = listOf(if (maxPoints == 1) "one point" else "up to $maxPoints points").filter { maxPoints > 0 }
            val box = listOf("one box").filter { boxes }
            return (points + box).joinToString(if (pointsWithBox) " and " else " or ")
        }
}

/** Encodings of prompts, and the roles of what they are encoded as. */
internal const val BOXES = "boxes"
internal const val POINTS = "points"
private const val BESIDE = 0f
private const val INSIDE = 1f
private const val TOP_LEFT = 2f
private const val BOTTOM_RIGHT = 3f
private const val PADDING = -1f
private const val EMPTY = -2f

/**
 * Makes what the graphs of a model get; rapsam/tasks/prompt_encoding.py and prompt_set.py.
 *
 * @return Role to tensor (1, K, ...), prompts in their order.
 * @throws Problem If the model does not take a prompt, or it lies outside the image.
 */
fun encodePrompts(prompts: List<Prompt>, spec: PromptSpec, geometry: Geometry): Map<String, Tensor> {
    for (prompt in prompts) check(prompt, spec)
    return when (spec.encoding) {
        BOXES -> mapOf(BOXES to normalisedBoxes(promptBoxes(prompts, geometry, spec.pointRadius), geometry))
        POINTS -> asPoints(prompts, spec, geometry)
        else -> throw Problem(
            "the bundle takes prompts as \"${spec.encoding}\", this app gives \"$BOXES\" or \"$POINTS\": install a newer app",
        )
    }
}

/** Tells whether a model takes a prompt, as far as one sees without the photo. */
private fun check(prompt: Prompt, spec: PromptSpec) {
    val count = prompt.points.size
    val takes = "this model takes ${spec.described} per region"
    val problem = when {
        spec.maxPoints < 1 && count > 0 -> "this model takes no points; hold a finger on the photo and drag a box instead"
        !spec.boxes && prompt.box != null -> "this model takes no boxes; tap a point instead"
        count > spec.maxPoints -> "the region has $count points; $takes: undo one, or tap a new region"
        prompt.box != null && count > 0 && !spec.pointsWithBox ->
            "the region has a box beside a point; $takes: tap a new region"
        !spec.negativePoints && !prompt.points.all { it.isInside } ->
            "the region has a point beside it; $takes, no points beside it: tap a new region"
        prompt.mask != null && spec.maskStride == null ->
            "the region has a mask of an earlier answer; $takes, no masks: tap a new region"
        count == 0 && prompt.box == null && prompt.mask == null -> "nothing was asked for; $takes: tap or drag one"
        else -> return
    }
    throw Problem(problem)
}

private fun asPoints(prompts: List<Prompt>, spec: PromptSpec, geometry: Geometry): Map<String, Tensor> {
    val count = prompts.size
    val slots = spec.maxPoints + if (spec.boxes) 2 else 1
    val points = FloatArray(count * slots * 2)
    val labels = FloatArray(count * slots).apply { fill(EMPTY) }
    for ((place, prompt) in prompts.withIndex()) fillSlots(prompt, geometry, points, labels, place * slots)
    val tensors = mapOf(
        POINTS to Tensor(points, listOf(1, count, slots, 2)),
        "point_labels" to Tensor(labels, listOf(1, count, slots)),
    )
    val stride = spec.maskStride ?: return tensors
    return tensors + earlierAnswers(prompts, listOf(geometry.padded.height / stride, geometry.padded.width / stride))
}

/** Points without a box have one padding behind them, as the network was trained; what is left stays empty. */
private fun fillSlots(prompt: Prompt, geometry: Geometry, points: FloatArray, labels: FloatArray, slot: Int) {
    val places = prompt.points.flatMap { scaled(it, geometry) } + prompt.box?.let { scaled(it, geometry) }.orEmpty()
    for ((axis, place) in places.withIndex()) points[2 * slot + axis] = place.toFloat()
    val own = prompt.points.map { if (it.isInside) INSIDE else BESIDE }
    val behind = when {
        prompt.box != null -> listOf(TOP_LEFT, BOTTOM_RIGHT)
        own.isEmpty() -> emptyList()
        else -> listOf(PADDING)
    }
    for ((place, label) in (own + behind).withIndex()) labels[slot + place] = label
}

/** @param size Height and width of a mask that the network takes; zeros stand for one that is not given. */
private fun earlierAnswers(prompts: List<Prompt>, size: List<Int>): Map<String, Tensor> {
    val step = size[0] * size[1]
    val masks = FloatArray(prompts.size * step)
    for ((place, prompt) in prompts.withIndex()) {
        val mask = prompt.mask ?: continue
        if (mask.shape != size) {
            throw Problem("the graphs answer masks of ${mask.shape} and take masks of $size; export the bundle again")
        }
        checkFinite("mask logits", mask.data)
        mask.data.copyInto(masks, place * step)
    }
    val given = FloatArray(prompts.size) { if (prompts[it].mask == null) 0f else 1f }
    return mapOf(
        "mask_prompt" to Tensor(masks, listOf(1, prompts.size, 1) + size),
        "has_mask_prompt" to Tensor(given, listOf(1, prompts.size)),
    )
}
