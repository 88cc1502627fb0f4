package org.rapsam.core.bench

import org.rapsam.core.Problem
import org.rapsam.core.bundle.Pipeline
import org.rapsam.core.bundle.Role
import org.rapsam.core.bundle.Task
import org.rapsam.core.run.Graph
import org.rapsam.core.run.LoadedBundle
import org.rapsam.core.run.Segmenter
import org.rapsam.core.run.Tensors
import org.rapsam.core.run.filled
import org.rapsam.core.run.outputsByRole
import org.rapsam.core.run.promptedGraphs
import org.rapsam.core.run.runChain
import org.rapsam.core.tasks.Fitted
import org.rapsam.core.tasks.Picture
import org.rapsam.core.tasks.Prompt

/**
 * What is timed by itself.
 *
 * @property kind "preprocess", "graph", "postprocess", "click" or "end_to_end".
 * @property of The graph or the task; null where there is one only.
 */
internal class Stage(val kind: String, val of: String?, val run: () -> Unit) {
    /** What it can be asked for by: its kind, its subject, or both. */
    val spellings: Set<String> get() = if (of == null) setOf(kind) else setOf(kind, of, "$kind:$of")
}

/**
 * The stages of a bundle, as benchmarks/latency/bundle_subject.py has them: graphs, tasks, and a click once an image is
 * known. All graphs run once while it is made.
 *
 * @param first Makes the first run of a graph.
 */
internal class Stages(
    private val loaded: LoadedBundle,
    private val picture: Picture,
    first: (String, () -> Tensors) -> Tensors,
) {
    private val manifest = loaded.bundle.manifest
    private val segmenter = Segmenter(loaded)
    private val fitted = fit()
    private val prompt = manifest.prompts?.let { spec ->
        val (height, width) = picture.size
        val middle = Prompt.point(width / 2.0, height / 2.0)
        val box = Prompt.box(width / 4.0, height / 4.0, 3 * width / 4.0, 3 * height / 4.0)
        if (spec.maxPoints > 0) middle else box
    }
    private val prompts: Tensors = prompt?.let { segmenter.encoded(listOf(it), fitted.geometry) }.orEmpty().let { encoded ->
        encoded.mapValues { (_, tensor) -> filled(tensor, 0, segmenter.promptsPerPass(encoded.keys)) }
    }
    private val given = given(fitted)
    private val steps = runChain(
        loaded.graphs.keys.toList(),
        loaded.graphs.mapValues { (name, graph) -> Watched(graph) { inputs -> first(name) { graph.run(inputs) } } },
        given,
    ).associateBy { it.contract.graph }

    /** All stages, in the order in which they are timed. */
    val all: List<Stage> = listOf(Stage("preprocess", null) { fit() }) +
        loaded.graphs.map { (name, graph) -> Stage("graph", name) { graph.run(inputsOf(name)) } } +
        imagePipelines().flatMap { if (it.task == Task.PROMPT) promptStages(it) else objectStages(it) }

    /** What a graph got. */
    fun inputsOf(graph: String): Tensors = steps.getValue(graph).inputs

    private fun fit(): Fitted = manifest.preprocess.fitted(picture)

    private fun given(fitted: Fitted): Tensors = prompts + (Role.IMAGE to fitted.pixels)

    private fun objectStages(pipeline: Pipeline): List<Stage> {
        val found = outputsByRole(pipeline.graphs, loaded.graphs, given)
        return listOf(
            Stage("postprocess", pipeline.task) { segmenter.panopticOf(found, fitted.geometry) },
            Stage("end_to_end", pipeline.task) {
                val now = fit()
                segmenter.panopticOf(outputsByRole(pipeline.graphs, loaded.graphs, given(now)), now.geometry)
            },
        )
    }

    /** An image with its first prompt, and every further one: that needs the image's graphs no more. */
    private fun promptStages(pipeline: Pipeline): List<Stage> {
        val found = outputsByRole(pipeline.graphs, loaded.graphs, given)
        val prompted = promptedGraphs(manifest.graphs.map { it.contract })
        val known = loaded.graphs.mapValues { (name, graph) ->
            if (name in prompted) graph else Watched(graph) { steps.getValue(name).outputs }
        }
        return listOf(
            Stage("postprocess", pipeline.task) { answer(found, fitted) },
            Stage("click", pipeline.task) {
                answer(outputsByRole(pipeline.graphs, known, given), fitted)
            },
            Stage("end_to_end", pipeline.task) {
                val now = fit()
                answer(outputsByRole(pipeline.graphs, loaded.graphs, given(now)), now)
            },
        )
    }

    private fun answer(outputs: Tensors, fitted: Fitted) =
        segmenter.regionsOf(outputs, listOfNotNull(prompt), fitted.geometry)

    /** The pipelines that differ for a single image: of those that find objects, the one it is asked by. */
    private fun imagePipelines(): List<Pipeline> {
        val finding = manifest.pipelines.filter { it.task != Task.PROMPT }
        val asked = finding.find { it.task == Task.PANOPTIC } ?: finding.firstOrNull()
        return manifest.pipelines.filter { it == asked || it !in finding }
    }
}

/**
 * Chooses stages.
 *
 * @param wanted Spellings; none for all.
 * @throws Problem If no stage has one of them.
 */
internal fun wantedStages(stages: List<Stage>, wanted: List<String>): List<Stage> {
    val known = stages.flatMap { it.spellings }.toSet()
    val unknown = wanted.find { it !in known }
    if (unknown != null) {
        throw Problem("unknown stage \"$unknown\" of the bundle; valid names: ${known.sorted().joinToString()}")
    }
    return stages.filter { wanted.isEmpty() || it.spellings.any(wanted::contains) }
}

private class Watched(private val graph: Graph, private val answer: (Tensors) -> Tensors) : Graph by graph {
    override fun run(inputs: Tensors): Tensors = answer(inputs)
}
