/// One graph of a chain that has run; tensors by name.
struct Step {
    let contract: GraphContract
    let inputs: Tensors
    let outputs: Tensors
}

/// Graphs by name.
typealias Graphs = [String: any Graph]

/// Runs graphs one after another, as rapsam/inference/chain.py does: the one place that knows how tensors go from graph to
/// graph. A graph takes, by role, what is given from outside, and, by name, what flowed out of the graphs before it.
///
/// - Parameters:
///   - names: Of the graphs. Those of several tasks may follow each other.
///   - given: Role to tensor: the image, and encoded prompts.
/// - Throws: `Problem` if an input is missing, a graph fails, or one returns something else than its contract says.
func runChain(_ names: [String], _ graphs: Graphs, _ given: Tensors) throws -> [Step] {
    var flowing: Tensors = [:]
    return try names.map { name in
        guard let graph = graphs[name] else { throw Problem("there is no graph \(name); export the bundle again") }
        var inputs: Tensors = [:]
        for spec in graph.contract.inputs {
            guard let tensor = spec.role == Role.flow ? flowing[spec.name] : given[spec.role] else {
                throw Problem("graph \(name) lacks its input \(spec.name); export the bundle again")
            }
            inputs[spec.name] = tensor
        }
        let outputs = try graph.run(inputs)
        for spec in graph.contract.outputs {
            guard let output = outputs[spec.name], output.shape == spec.shape, output.data.count == spec.count else {
                let shown = outputs[spec.name].map { "\($0.shape)" } ?? "nothing"
                throw Problem(
                    "graph \(name) returned \(spec.name) as \(shown); expected \(spec.shape): take another compute "
                        + "unit, or export the bundle again")
            }
            if spec.role == Role.flow { flowing[spec.name] = output }
        }
        return Step(contract: graph.contract, inputs: inputs, outputs: outputs)
    }
}

/// Runs graphs and returns what is left of them for the task, by role; see `runChain`.
func outputsByRole(_ names: [String], _ graphs: Graphs, _ given: Tensors) throws -> Tensors {
    var found: Tensors = [:]
    for step in try runChain(names, graphs, given) {
        for spec in step.contract.outputs where spec.role != Role.flow { found[spec.role] = step.outputs[spec.name] }
    }
    return found
}

/// Names of the graphs that take prompts or what such graphs return: the others depend on the image alone.
func promptedGraphs(_ contracts: [GraphContract]) -> Set<String> {
    var moved: Set<String> = []
    var found: Set<String> = []
    for contract in contracts {
        let isPrompted =
            contract.takesPrompts || contract.inputs.contains { $0.role == Role.flow && moved.contains($0.name) }
        if !isPrompted { continue }
        found.insert(contract.graph)
        moved.formUnion(contract.outputs.filter { $0.role == Role.flow }.map(\.name))
    }
    return found
}
