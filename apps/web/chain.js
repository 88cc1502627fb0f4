/**
 * Running graphs one after another, as rapsam/inference/chain.py does: the one place that knows how tensors
 * go from graph to graph.
 * @module
 */

/**
 * @typedef {import("./engines.js").Graph} Graph
 * @typedef {import("./engines.js").Tensor} Tensor
 * @typedef {import("./bundle.js").GraphContract} GraphContract
 * @typedef {Record<string, Tensor>} Tensors
 *
 * @typedef {object} Step One graph of a chain that has run.
 * @property {GraphContract} contract
 * @property {Tensors} inputs By name.
 * @property {Tensors} outputs By name.
 */

/**
 * Runs graphs in their order. A graph takes, by role, what is given from outside, and, by name, what flowed
 * out of the graphs before it.
 * @param {string[]} names Of the graphs. Those of several tasks may follow each other.
 * @param {Map<string, Graph>} graphs By name.
 * @param {Tensors} given Role to tensor: the image, and encoded prompts.
 * @returns {AsyncGenerator<Step>} Each graph with its inputs and outputs, as soon as it has run.
 */
export async function* chainSteps(names, graphs, given) {
  /** @type {Tensors} */
  const flowing = {};
  for (const name of names) {
    const graph = graphs.get(name);
    if (!graph) throw new Error(`graph ${name} is not loaded`);
    /** @type {Tensors} */
    const inputs = {};
    for (const spec of graph.contract.inputs) {
      inputs[spec.name] = spec.role === "flow" ? flowing[spec.name] : given[spec.role];
      if (!inputs[spec.name]) throw new Error(`graph ${name} lacks its input ${spec.name}`);
    }
    const outputs = await graph.run(inputs);
    for (const spec of graph.contract.outputs) {
      if (spec.role === "flow") flowing[spec.name] = outputs[spec.name];
    }
    yield { contract: graph.contract, inputs, outputs };
  }
}

/**
 * Runs the graphs of a pipeline and returns all that they returned.
 * @param {{graphs: string[]}} pipeline
 * @param {Map<string, Graph>} graphs By name.
 * @param {Tensors} given Role to tensor.
 * @returns {Promise<Tensors>} By name.
 */
export async function runChain(pipeline, graphs, given) {
  /** @type {Tensors} */
  const found = {};
  for await (const step of chainSteps(pipeline.graphs, graphs, given)) Object.assign(found, step.outputs);
  return found;
}

/**
 * Runs the graphs of a pipeline and returns what is left of them for the task.
 * @param {{graphs: string[]}} pipeline
 * @param {Map<string, Graph>} graphs By name.
 * @param {Tensors} given Role to tensor.
 * @returns {Promise<Tensors>} By role.
 */
export async function outputsByRole(pipeline, graphs, given) {
  /** @type {Tensors} */
  const found = {};
  for await (const { contract, outputs } of chainSteps(pipeline.graphs, graphs, given)) {
    for (const spec of contract.outputs) {
      if (spec.role !== "flow") found[spec.role] = outputs[spec.name];
    }
  }
  return found;
}

/**
 * @param {Tensor} tensor Of a batch of one, in float32.
 * @returns {{data: Float32Array, shape: number[]}} Without the axis of the batch.
 */
export function ofOne(tensor) {
  if (!(tensor?.data instanceof Float32Array) || tensor.shape[0] !== 1) {
    throw new Error("a graph returned no float32 tensor of a batch of one; export the bundle again");
  }
  return { data: tensor.data, shape: tensor.shape.slice(1) };
}
