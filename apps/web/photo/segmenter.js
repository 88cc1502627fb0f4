/**
 * From pixels to results with the graphs of a bundle, as rapsam/inference/segmenter.py does it. Knows no page.
 * @module
 */

import { openBundle } from "../bundle.js";
import { ofOne, outputsByRole } from "../chain.js";
import { engineFor, openEngine } from "../engines.js";
import { panopticSegmentation } from "../tasks/panoptic.js";
import { fitted } from "../tasks/preprocess.js";
import { interactiveMasks } from "../tasks/prompt.js";
import { encodePrompts } from "../tasks/prompt_encoding.js";
import { Follower } from "./follower.js";
import { answers, filled, promptsPerPass } from "./passes.js";

/**
 * @typedef {import("../bundle.js").Bundle} Bundle
 * @typedef {import("../bundle.js").Pipeline} Pipeline
 * @typedef {import("../engines.js").Engine} Engine
 * @typedef {import("../engines.js").Graph} Graph
 * @typedef {import("../engines.js").Tensor} RunTensor
 * @typedef {import("../tasks/geometry.js").Geometry} Geometry
 * @typedef {import("../tasks/geometry.js").Picture} Picture
 * @typedef {import("../tasks/geometry.js").Tensor} Tensor
 * @typedef {import("../tasks/panoptic.js").PanopticResult} PanopticResult
 * @typedef {import("../tasks/prompt_encoding.js").Prompt} Prompt
 * @typedef {import("../tasks/video.js").TrackedInstance} TrackedInstance
 * @typedef {import("./passes.js").Region} Region
 * @typedef {{tracks: TrackedInstance[] | null, objects: PanopticResult | null}} Seen Of a frame, one of both.
 *
 * @typedef {object} Places Where things lie, relative to the page, and what shall compute.
 * @property {string} bundle
 * @property {string} runtimes
 * @property {string} unit
 * @property {number} threads
 */

/** Tasks that find objects, the better one for a single image first. */
const FINDING = ["panoptic", "video"];
const PROMPTED = "prompt";
const FOLLOWED = "video";

/** A bundle that is loaded, and the photo that it is asked about. */
export class PageSegmenter {
  /** @type {{pixels: Tensor, geometry: Geometry, graphs: Map<string, Graph>} | null} */
  #photo = null;
  #graphs;
  #prompts;

  /**
   * @param {Bundle} bundle
   * @param {Engine} engine
   * @param {Map<string, Graph>} graphs By name.
   */
  constructor(bundle, engine, graphs) {
    this.manifest = bundle.manifest;
    this.engine = engine;
    this.#graphs = graphs;
    this.#prompts = promptedGraphs(graphs);
    this.prompted = bundle.pipeline(PROMPTED) ?? null;
    this.finding = FINDING.map((task) => bundle.pipeline(task)).find(Boolean) ?? null;
    this.following = bundle.pipeline(FOLLOWED) ?? null;
  }

  /**
   * Loads a bundle: all of its files that are used are verified first.
   * @param {Places} places
   * @param {(step: string) => void} say
   * @returns {Promise<PageSegmenter>}
   */
  static async open({ bundle: bundleUrl, runtimes, unit, threads }, say) {
    say("Reading the bundle");
    const bundle = await openBundle(bundleUrl, (path, received, total) =>
      say(`Loading ${path}: ${Math.floor((100 * received) / Math.max(total, 1))} %`),
    );
    const names = usedGraphs(bundle);
    const kinds = new Set(names.map((name) => engineFor(bundle.graph(name).path)));
    if (kinds.size > 1) throw new Error(`the bundle needs ${[...kinds].join(" and ")} at once; export it again`);
    const [kind] = kinds;
    say(`Starting ${kind}`);
    const engine = await openEngine(kind, { unit, threads, base: runtimes });
    const graphs = new Map();
    for (const name of names) {
      const { path, contract } = bundle.graph(name);
      const bytes = await bundle.file(path);
      say(`Preparing ${path}`);
      graphs.set(name, await engine.load(bytes, contract));
    }
    return new PageSegmenter(bundle, engine, graphs);
  }

  /** @returns {{name: string, is_thing: boolean}[]} Classes in the order of the class logits. */
  get labels() {
    return this.manifest.labels?.labels ?? [];
  }

  /**
   * Takes the photo that the next questions are about.
   * @param {Picture} picture
   */
  take(picture) {
    const { pixels, geometry } = fitted(picture, this.manifest.preprocess);
    this.#photo = { pixels, geometry, graphs: this.#remembering() };
  }

  /** Computes what all questions about the photo have in common, so that the first one waits no longer than others. */
  async prepare() {
    const { pixels, graphs } = this.#taken();
    const ofImage = (this.prompted?.graphs ?? []).filter((name) => !this.#prompts.has(name));
    await outputsByRole({ graphs: ofImage }, graphs, { image: pixels });
  }

  /**
   * Finds the objects in the photo.
   * @returns {Promise<PanopticResult>}
   */
  async panoptic() {
    const { pixels, geometry, graphs } = this.#taken();
    if (!this.finding || !this.labels.length) throw new Error("this bundle does not find objects; take another one");
    return this.#panopticOf(await outputsByRole(this.finding, graphs, { image: pixels }), geometry);
  }

  /**
   * Begins with a video.
   * @returns {(frame: Picture) => Promise<Seen>} Looks at the next frame: tracks, where the bundle can follow
   *   objects, else the objects of the frame by itself.
   */
  video() {
    const pipeline = this.following ?? this.finding;
    if (!pipeline || !this.labels.length) throw new Error("this bundle does not find objects; take another one");
    const follower = this.following && new Follower(this.#numThings, this.manifest.postprocess.top_k);
    /** @type {Float32Array | undefined} */
    let memory;
    return async (frame) => {
      const { pixels, geometry } = fitted(frame, this.manifest.preprocess, memory);
      memory = pixels.data;
      const outputs = await outputsByRole(pipeline, this.#graphs, { image: pixels });
      if (!follower) return { tracks: null, objects: this.#panopticOf(outputs, geometry) };
      const found = [outputs.class_logits, outputs.queries, outputs.mask_logits].map(ofOne);
      return { tracks: follower.next(found[0], found[1], found[2], geometry), objects: null };
    };
  }

  get #numThings() {
    return this.labels.filter((label) => label.is_thing).length;
  }

  /**
   * @param {Record<string, RunTensor>} outputs By role.
   * @param {Geometry} geometry
   * @returns {PanopticResult}
   */
  #panopticOf(outputs, geometry) {
    const { score_threshold, overlap_threshold } = this.manifest.postprocess;
    const logits = [outputs.class_logits, outputs.mask_logits].map(ofOne);
    const result = panopticSegmentation(logits[0], logits[1], geometry, this.#numThings, {
      scoreThreshold: score_threshold,
      overlapThreshold: overlap_threshold,
    });
    if (result.void !== this.labels.length) {
      throw new Error(`the network knows ${result.void} classes, the bundle names ${this.labels.length}; export it again`);
    }
    return result;
  }

  /**
   * Answers prompts on the photo.
   * @param {Prompt[]} prompts In its pixels.
   * @returns {Promise<Region[]>} One per prompt: of several candidates the one that it means.
   */
  async segment(prompts) {
    const { pixels, geometry, graphs } = this.#taken();
    if (!this.prompted || !this.manifest.prompts) throw new Error("this bundle takes no prompts; take another one");
    const { prompts: spec } = this.manifest;
    const encoded = Object.entries(encodePrompts(prompts, spec, geometry));
    const perPass = promptsPerPass(this.prompted, graphs, encoded.map(([role]) => role));
    const regions = [];
    for (let start = 0; start < prompts.length; start += perPass) {
      const asked = encoded.map(([role, tensor]) => [role, filled(tensor, start, perPass)]);
      const outputs = await outputsByRole(this.prompted, graphs, { image: pixels, ...Object.fromEntries(asked) });
      regions.push(...answers(outputs, prompts.slice(start, start + perPass), spec, geometry));
    }
    return regions;
  }

  /**
   * @param {Tensor} logits (h, w) of a region of the photo.
   * @returns {Uint8Array} Its mask.
   */
  maskOf({ data, shape }) {
    return interactiveMasks({ data, shape: [1, ...shape] }, this.#taken().geometry)[0];
  }

  /** @returns {Map<string, Graph>} Those that depend on the photo alone run once for it. */
  #remembering() {
    const entries = [...this.#graphs];
    return new Map(entries.map(([name, graph]) => [name, this.#prompts.has(name) ? graph : onceOnly(graph)]));
  }

  #taken() {
    if (!this.#photo) throw new Error("there is no photo yet; choose one first");
    return this.#photo;
  }
}

/**
 * @param {Bundle} bundle
 * @returns {string[]} Names of the graphs of the tasks that this page does, each once.
 */
function usedGraphs(bundle) {
  const finding = FINDING.map((task) => bundle.pipeline(task)).find(Boolean);
  const found = [finding, bundle.pipeline(FOLLOWED), bundle.pipeline(PROMPTED)];
  const pipelines = found.filter((pipeline) => pipeline !== undefined);
  if (!pipelines.length) {
    const tasks = bundle.manifest.pipelines.map(({ task }) => task).join(", ");
    throw new Error(`the bundle does ${tasks}; this page needs one that finds objects or takes prompts`);
  }
  return [...new Set(pipelines.flatMap(({ graphs }) => graphs))];
}

/**
 * @param {Map<string, Graph>} graphs
 * @returns {Set<string>} Names of those that depend on prompts, taken directly or flowing in.
 */
function promptedGraphs(graphs) {
  const flowing = new Set();
  const names = new Set();
  for (const [name, { contract }] of graphs) {
    if (!contract.inputs.some((spec) => !["image", "flow"].includes(spec.role) || flowing.has(spec.name))) continue;
    names.add(name);
    for (const spec of contract.outputs) if (spec.role === "flow") flowing.add(spec.name);
  }
  return names;
}

/**
 * @param {Graph} graph
 * @returns {Graph}
 */
function onceOnly(graph) {
  /** @type {Record<string, RunTensor> | null} */
  let outputs = null;
  return { ...graph, run: async (inputs) => (outputs ??= await graph.run(inputs)) };
}
