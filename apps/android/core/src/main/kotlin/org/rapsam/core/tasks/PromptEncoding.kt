package org.rapsam.core.tasks

import org.rapsam.core.Problem

/** What tells the best of several candidate masks. */
enum class Choice(val spelling: String) { IOU("iou"), STABILITY("stability") }

/**
 * What a model takes as a prompt, and what it answers, as a manifest has it.
 *
 * @property encoding Of the tensors that its graphs get.
 * @property maxPoints Of one prompt; 0 if it takes none.
 * @property boxes Whether it takes a box.
 * @property pointRadius In pixels of the network's image: encoded as a box, a point reaches so far to every side.
 * @property candidates Masks per prompt.
 * @property single The candidate that a box means; null if points and boxes mean the best alike.
 * @property choice By what the best of several is chosen.
 * @property maskStride Pixels of the network's image per pixel of a mask that the graphs want beside; null if they do not.
 */
data class PromptSpec(
    val encoding: String,
    val maxPoints: Int,
    val boxes: Boolean,
    val pointRadius: Double,
    val candidates: Int,
    val single: Int?,
    val choice: Choice,
    val maskStride: Int?,
)

private const val BOXES = "boxes"
private const val POINTS = "points"
private const val INSIDE = 1f
private const val TOP_LEFT = 2f
private const val BOTTOM_RIGHT = 3f
private const val PADDING = -1f
private const val EMPTY = -2f

/**
 * Makes what the graphs of a model get; rapsam/tasks/prompt_encoding.py and prompt_set.py, for prompts that are one point or
 * one box.
 *
 * @return Role to tensor (1, K, ...), prompts in their order.
 * @throws Problem If the model does not take a prompt, or it lies outside the image.
 */
fun encodePrompts(prompts: List<Prompt>, spec: PromptSpec, geometry: Geometry): Map<String, Tensor> {
    if (spec.maxPoints < 1 && prompts.any { it is Prompt.Point }) {
        throw Problem("this model takes no points; hold a finger on the photo and drag a box instead")
    }
    if (!spec.boxes && prompts.any { it is Prompt.Box }) throw Problem("this model takes no boxes; tap a point instead")
    return when (spec.encoding) {
        BOXES -> mapOf(BOXES to normalisedBoxes(promptBoxes(prompts, geometry, spec.pointRadius), geometry))
        POINTS -> asPoints(prompts, spec, geometry)
        else -> throw Problem(
            "the bundle takes prompts as \"${spec.encoding}\", this app gives \"$BOXES\" or \"$POINTS\": install a newer app",
        )
    }
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
    val height = geometry.padded.height / stride
    val width = geometry.padded.width / stride
    return tensors + mapOf(
        "mask_prompt" to Tensor(FloatArray(count * height * width), listOf(1, count, 1, height, width)),
        "has_mask_prompt" to Tensor(FloatArray(count), listOf(1, count)),
    )
}

/** A point has one padding behind it, as the network was trained; what is left stays empty. */
private fun fillSlots(prompt: Prompt, geometry: Geometry, points: FloatArray, labels: FloatArray, slot: Int) {
    val (places, found) = when (prompt) {
        is Prompt.Point -> {
            checkPoint(prompt, geometry.original)
            listOf(prompt.x, prompt.y, 0.0, 0.0) to floatArrayOf(INSIDE, PADDING)
        }
        is Prompt.Box -> {
            checkBox(prompt, geometry.original)
            listOf(prompt.x1, prompt.y1, prompt.x2, prompt.y2) to floatArrayOf(TOP_LEFT, BOTTOM_RIGHT)
        }
    }
    for ((axis, place) in places.withIndex()) {
        points[2 * slot + axis] = (place * if (axis % 2 == 0) geometry.scaleX else geometry.scaleY).toFloat()
    }
    found.copyInto(labels, slot)
}
