/**
 * What is timed of a bundle, as benchmarks/latency/bundle_subject.py has it: graphs, tasks, and a click once an
 * image is known.
 * @module
 */

import { chainSteps, outputsByRole } from "../chain.js";
import { answers } from "../photo/passes.js";
import { panopticSegmentation } from "../tasks/panoptic.js";
import { fitted } from "../tasks/preprocess.js";
import { encodePrompts } from "../tasks/prompt_encoding.js";

/**
 * @typedef {import("../bundle.js").Manifest} Manifest
 * @typedef {import("../bundle.js").Pipeline} Pipeline
 * @typedef {import("../chain.js").Tensors} Tensors
 * @typedef {import("../engines.js").Graph} Graph
 * @typedef {import("../tasks/geometry.js").Picture} Picture
 * @typedef {import("../tasks/geometry.js").Geometry} Geometry
 *
 * @typedef {object} Stage
 * @property {string} kind "preprocess", "graph", "postprocess", "click" or "end_to_end".
 * @property {string | null} of The graph or the task.
 * @property {() => unknown} run
 */

/**
 * Runs all graphs of a bundle once, and lists what is to be timed.
 * @param {Manifest} manifest
 * @param {Map<string, Graph>} graphs
 * @param {Picture} picture
 * @param {(graph: string, run: () => Promise<Tensors>) => Promise<Tensors>} first Makes the first run of a graph.
 * @returns {Promise<{stages: Stage[], inputs: Map<string, Tensors>}>} And what each graph gets.
 */
export async function bundleStages(manifest, graphs, picture, first) {
  const { pixels, geometry } = fitted(picture, manifest.preprocess);
  const asked = new Asked(manifest, picture, geometry);
  const given = { image: pixels, ...asked.prompts() };
  const watched = new Map([...graphs].map(([name, graph]) => [name, watchedFirst(name, graph, first)]));
  const inputs = new Map();
  const known = new Map();
  for await (const step of chainSteps([...graphs.keys()], watched, given)) {
    inputs.set(step.contract.graph, step.inputs);
    known.set(step.contract.graph, { ...step, reported: null, run: async () => step.outputs });
  }
  /** @type {Stage[]} */
  const stages = [{ kind: "preprocess", of: null, run: () => fitted(picture, manifest.preprocess) }];
  for (const [name, graph] of graphs) stages.push({ kind: "graph", of: name, run: () => graph.run(inputs.get(name)) });
  for (const pipeline of imagePipelines(manifest)) {
    const found = await outputsByRole(pipeline, graphs, given);
    const more = takesPrompts(manifest, pipeline) ? promptStages : objectStages;
    stages.push(...more({ manifest, picture, geometry, asked, graphs, known, pipeline, found }));
  }
  return { stages, inputs };
}

/**
 * @param {string} name
 * @param {Graph} graph
 * @param {(graph: string, run: () => Promise<Tensors>) => Promise<Tensors>} first
 * @returns {Graph}
 */
function watchedFirst(name, graph, first) {
  return { ...graph, run: (inputs) => first(name, () => graph.run(inputs)) };
}

/** What a person would ask of the picture: the region in its middle. */
class Asked {
  /**
   * @param {Manifest} manifest
   * @param {Picture} picture
   * @param {Geometry} geometry
   */
  constructor(manifest, { height, width }, geometry) {
    this.spec = manifest.prompts;
    this.geometry = geometry;
    const specs = manifest.graphs.flatMap(({ contract }) => contract.inputs);
    this.count = Math.min(...specs.filter(isPrompt).map(({ shape }) => shape[1]));
    this.prompt = this.spec?.max_points
      ? { points: [/** @type {[number, number]} */ ([width / 2, height / 2])] }
      : { box: /** @type {[number, number, number, number]} */ ([width / 4, height / 4, (3 * width) / 4, (3 * height) / 4]) };
  }

  /** @returns {Tensors} The prompt, as often as the graphs take one in a pass; nothing if they take none. */
  prompts() {
    if (!this.spec) return {};
    return encodePrompts(Array(this.count).fill(this.prompt), this.spec, this.geometry);
  }
}

/**
 * @typedef {object} Task
 * @property {Manifest} manifest
 * @property {Picture} picture
 * @property {Geometry} geometry
 * @property {Asked} asked
 * @property {Map<string, Graph>} graphs
 * @property {Map<string, Graph>} known Graphs that answer what they answered to the picture.
 * @property {Pipeline} pipeline
 * @property {Tensors} found What the pipeline returned for the picture, by role.
 */

/**
 * @param {Task} task
 * @returns {Stage[]}
 */
function objectStages({ manifest, picture, graphs, pipeline, found, geometry }) {
  const things = manifest.labels.labels.filter((/** @type {{is_thing: boolean}} */ label) => label.is_thing).length;
  const { score_threshold: scoreThreshold, overlap_threshold: overlapThreshold } = manifest.postprocess;
  const made = (/** @type {Tensors} */ outputs, /** @type {Geometry} */ sizes) =>
    panopticSegmentation(withoutBatch(outputs.class_logits), withoutBatch(outputs.mask_logits), sizes, things, {
      scoreThreshold,
      overlapThreshold,
    });
  const whole = async () => {
    const input = fitted(picture, manifest.preprocess);
    return made(await outputsByRole(pipeline, graphs, { image: input.pixels }), input.geometry);
  };
  return [
    { kind: "postprocess", of: pipeline.task, run: () => made(found, geometry) },
    { kind: "end_to_end", of: pipeline.task, run: whole },
  ];
}

/**
 * An image with its first prompt, and every further one: that needs the image's graphs no more.
 * @param {Task} task
 * @returns {Stage[]}
 */
function promptStages({ manifest, picture, graphs, known, pipeline, found, geometry, asked }) {
  const made = (/** @type {Tensors} */ outputs, /** @type {Geometry} */ sizes) =>
    answers(outputs, [asked.prompt], asked.spec, sizes);
  const prompted = promptedGraphs(manifest, pipeline);
  const rest = new Map(pipeline.graphs.map((name) => [name, (prompted.has(name) ? graphs : known).get(name)]));
  const click = async () => {
    const given = { image: { data: new Float32Array(0), shape: [] }, ...asked.prompts() };
    return made(await outputsByRole(pipeline, /** @type {Map<string, Graph>} */ (rest), given), geometry);
  };
  const whole = async () => {
    const input = fitted(picture, manifest.preprocess);
    const given = { image: input.pixels, ...asked.prompts() };
    return made(await outputsByRole(pipeline, graphs, given), input.geometry);
  };
  return [
    { kind: "postprocess", of: pipeline.task, run: () => made(found, geometry) },
    { kind: "click", of: pipeline.task, run: click },
    { kind: "end_to_end", of: pipeline.task, run: whole },
  ];
}

/**
 * Lists the pipelines that differ for a single image: of those that find objects, the one it is asked by.
 * @param {Manifest} manifest
 * @returns {Pipeline[]}
 */
function imagePipelines(manifest) {
  const finding = manifest.pipelines.filter((pipeline) => !takesPrompts(manifest, pipeline));
  const asked = finding.find(({ task }) => task === "panoptic") ?? finding[0];
  return manifest.pipelines.filter((pipeline) => pipeline === asked || !finding.includes(pipeline));
}

/**
 * @param {Manifest} manifest
 * @param {Pipeline} pipeline
 */
function takesPrompts(manifest, pipeline) {
  return promptedGraphs(manifest, pipeline).size > 0;
}

/**
 * Finds the graphs of a pipeline that take prompts, or what such graphs return.
 * @param {Manifest} manifest
 * @param {Pipeline} pipeline
 * @returns {Set<string>}
 */
function promptedGraphs(manifest, pipeline) {
  const prompted = new Set();
  const moved = new Set();
  for (const name of pipeline.graphs) {
    const contract = manifest.graphs.find((entry) => entry.contract.graph === name)?.contract;
    if (!contract?.inputs.some((spec) => isPrompt(spec) || (spec.role === "flow" && moved.has(spec.name)))) continue;
    prompted.add(name);
    for (const spec of contract.outputs) if (spec.role === "flow") moved.add(spec.name);
  }
  return prompted;
}

/** @param {{role: string}} spec */
function isPrompt({ role }) {
  return role !== "image" && role !== "flow";
}

/**
 * @param {import("../engines.js").Tensor} tensor
 * @returns {import("../tasks/geometry.js").Tensor}
 */
function withoutBatch({ data, shape }) {
  return { data: /** @type {Float32Array} */ (data), shape: shape.slice(1) };
}
