package org.rapsam.core.run

import org.rapsam.core.Problem
import org.rapsam.core.bundle.GraphContract
import org.rapsam.core.bundle.Role
import org.rapsam.core.tasks.Tensor

/** One graph of a chain that has run; tensors by name. */
class Step(val contract: GraphContract, val inputs: Tensors, val outputs: Tensors)

/**
 * Runs graphs one after another, as rapsam/inference/chain.py does: the one place that knows how tensors go from graph to
 * graph. A graph takes, by role, what is given from outside, and, by name, what flowed out of the graphs before it.
 *
 * @param names Of the graphs. Those of several tasks may follow each other.
 * @param given Role to tensor: the image, and encoded prompts.
 * @throws Problem If an input is missing, a graph fails, or one returns something else than its contract says.
 */
fun runChain(names: List<String>, graphs: Map<String, Graph>, given: Tensors): List<Step> {
    val flowing = HashMap<String, Tensor>()
    return names.map { name ->
        val graph = graphs.getValue(name)
        val inputs = graph.contract.inputs.associate { spec ->
            val tensor = if (spec.role == Role.FLOW) flowing[spec.name] else given[spec.role]
            spec.name to (tensor ?: throw Problem("graph $name lacks its input ${spec.name}; export the bundle again"))
        }
        val outputs = graph.run(inputs)
        for (spec in graph.contract.outputs) {
            val output = outputs[spec.name]
            if (output == null || output.shape != spec.shape || output.data.size != spec.count) {
                throw Problem(
                    "graph $name returned ${spec.name} as ${output?.shape ?: "nothing"}; expected ${spec.shape}: " +
                        "take another compute unit, or export the bundle again",
                )
            }
            if (spec.role == Role.FLOW) flowing[spec.name] = output
        }
        Step(graph.contract, inputs, outputs)
    }
}

/** Runs graphs and returns what is left of them for the task, by role; see [runChain]. */
fun outputsByRole(names: List<String>, graphs: Map<String, Graph>, given: Tensors): Tensors =
    runChain(names, graphs, given).flatMap { step ->
        step.contract.outputs.filter { it.role != Role.FLOW }.map { it.role to step.outputs.getValue(it.name) }
    }.toMap()

/** Names of the graphs, in their order, that take prompts or what such graphs return: the others depend on the image alone. */
fun promptedGraphs(contracts: List<GraphContract>): Set<String> {
    val moved = HashSet<String>()
    return contracts.filter { contract ->
        val isPrompted = contract.takesPrompts || contract.inputs.any { it.role == Role.FLOW && it.name in moved }
        if (isPrompted) moved += contract.outputs.filter { it.role == Role.FLOW }.map { it.name }
        isPrompted
    }.map { it.graph }.toSet()
}
