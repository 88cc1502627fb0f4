/**
 * One variant, measured in a frame of its own: a runtime stays as it was started for the life of a page, and ends
 * with it. The page around it calls `openVariant`, then in turns `burst`, at last `report`.
 * @module
 */

import { fetchVerified, openBundle } from "../bundle.js";
import { chainSteps } from "../chain.js";
import { NotOffered, openEngine, zeros } from "../engines.js";
import { goldenCases } from "../golden.js";
import { decodePng } from "../png.js";
import { charge, rounded } from "./device.js";
import { median, pause, sample, timed, warmUp } from "./sampling.js";
import { bundleStages } from "./stages.js";

/**
 * @typedef {import("../bundle.js").GraphContract} GraphContract
 * @typedef {import("../chain.js").Tensors} Tensors
 * @typedef {import("../engines.js").Engine} Engine
 * @typedef {import("../engines.js").Graph} Graph
 * @typedef {import("./stages.js").Stage} Stage
 *
 * @typedef {object} Subject A bundle: `base` and `scene` are where its files and the picture are. A bare file: the rest.
 * @property {string} kind "bundle" or "file".
 * @property {string} base
 * @property {string} scene
 * @property {{path: string, sha256: string, size_bytes: number}} file
 * @property {GraphContract} contract
 *
 * @typedef {object} Variant
 * @property {string} name
 * @property {number} subject
 * @property {string} engine
 * @property {string} unit
 * @property {number} threads
 *
 * @typedef {object} Timing See `Timing` in benchmarks/latency/facts.py.
 * @property {number} iters
 * @property {number} min_seconds
 * @property {number} max_seconds
 * @property {number} rounds
 * @property {number} pause_s
 * @property {number} warmup_max_s
 * @property {string[]} stages
 * @property {number | null} sustained_s
 *
 * @typedef {{subjects: Subject[], variants: Variant[], timing: Timing}} Plan
 *
 * @typedef {object} Outside What the page around does for it.
 * @property {(what: string) => void} tell Says what begins now.
 * @property {(place: string, data: BufferSource) => Promise<void>} upload Sends an output of the self-test: case
 *   and number of the output.
 */

const RUNTIMES = "runtimes";
const SUSTAINED_WINDOW_S = 5;

/** A variant that is loaded, tested and warm. */
export class OpenVariant {
  /** @type {Map<string, Graph>} */
  #graphs = new Map();
  /** @type {Map<string, Record<string, any>>} */
  #runs = new Map();
  /** @type {Stage[]} */
  #stages = [];
  /** @type {number[][]} */
  #samples = [];
  /** @type {number[]} */
  #sustained = [];
  /** @type {{t_s: number, n: number, p50_ms: number}[]} */
  #windows = [];
  /** @type {{t_s: number, percent: number, charging: boolean}[]} */
  #charges = [];
  #wasHidden = document.hidden;
  #start = performance.now();

  /**
   * @param {Plan} plan
   * @param {Engine} engine
   * @param {Outside} outside
   */
  constructor(plan, engine, outside) {
    this.timing = plan.timing;
    this.engine = engine;
    this.outside = outside;
    const seen = () => (this.#wasHidden ||= document.hidden);
    window.parent.document.addEventListener("visibilitychange", seen);
  }

  /**
   * Loads a bundle, runs every graph once, sends what the self-test gives, and warms up.
   * @param {Subject} subject
   */
  async prepareBundle(subject) {
    this.outside.tell("loading");
    const bundle = await openBundle(subject.base);
    for (const { path, contract } of bundle.manifest.graphs) await this.#load(contract, await bundle.file(path));
    const scene = new Uint8Array(await (await fetch(subject.scene)).arrayBuffer());
    this.outside.tell("first runs");
    const first = (/** @type {string} */ name, /** @type {() => Promise<Tensors>} */ run) => this.#first(name, run);
    const found = await bundleStages(bundle.manifest, this.#graphs, await decodePng(scene), first);
    this.outside.tell("self-test");
    for (const [place, { given }] of (await goldenCases(bundle)).entries()) await this.#selfTest(place, given);
    await this.#prepared(found);
  }

  /**
   * Loads a bare file, runs it once, and warms up; there is nothing to compare it with.
   * @param {Subject} subject
   */
  async prepareFile({ base, file, contract }) {
    this.outside.tell("loading");
    const url = new URL(`${base}${encodeURIComponent(file.path)}`, document.baseURI);
    await this.#load(contract, await fetchVerified(url, file));
    /** @type {Tensors} */
    const inputs = {};
    for (const { name, dtype, shape } of contract.inputs) inputs[name] = example(dtype, shape);
    const graph = /** @type {Graph} */ (this.#graphs.get(contract.graph));
    const run = () => graph.run(inputs);
    await this.#first(contract.graph, run);
    const stages = [{ kind: "graph", of: contract.graph, run }];
    await this.#prepared({ stages, inputs: new Map([[contract.graph, inputs]]) });
  }

  /** Takes a turn: samples of every stage. */
  async burst() {
    const { iters, min_seconds, max_seconds, rounds } = this.timing;
    const count = Math.ceil(iters / rounds);
    for (const [place, { run }] of this.#stages.entries()) {
      const times = await sample(run, count, min_seconds / rounds, max_seconds / rounds);
      for (const time of times) this.#samples[place].push(time);
      await pause(0);
    }
    await this.#readBattery();
  }

  /** Runs the stage that says most without a pause, for as long as was wanted. */
  async sustained() {
    const seconds = this.timing.sustained_s ?? 0;
    const stage = this.#longest();
    const start = performance.now();
    const passed = () => (performance.now() - start) / 1000;
    while (stage && passed() < seconds) {
      const window = Math.min(SUSTAINED_WINDOW_S, seconds - passed());
      const times = await sample(stage.run, 1, window, window);
      for (const time of times) this.#sustained.push(time);
      this.#windows.push({ t_s: rounded(passed()), n: times.length, p50_ms: rounded(median(times)) });
      this.outside.tell(`sustained, ${Math.round(passed())} of ${seconds} s`);
      await this.#readBattery();
      await pause(0);
    }
  }

  /** @returns {object} See `PageRecord` in benchmarks/runners/browser/told.py. */
  report() {
    const stages = this.#stages.map(({ kind, of }, place) => times(kind, of, "burst", this.#samples[place]));
    const longest = this.#longest();
    if (this.#sustained.length && longest) stages.push(times(longest.kind, longest.of, "sustained", this.#sustained));
    return {
      failed: null,
      is_offered: true,
      version: this.engine.version,
      threads: this.engine.threads,
      graphs: [...this.#graphs.keys()].map((graph) => ({ graph, ...this.#runs.get(graph) })),
      stages: stages.filter(({ samples_ms: { length } }) => length),
      sustained: this.#windows.length ? this.#windows : null,
      battery: this.#charges,
      was_hidden: this.#wasHidden,
    };
  }

  /**
   * @param {GraphContract} contract
   * @param {Uint8Array} bytes
   */
  async #load(contract, bytes) {
    const load = async () => this.#graphs.set(contract.graph, await this.engine.load(bytes, contract));
    const load_ms = rounded(await timed(load));
    const reported = this.#graphs.get(contract.graph)?.reported ?? null;
    this.#runs.set(contract.graph, { reported, load_ms });
  }

  /**
   * @param {string} graph
   * @param {() => Promise<Tensors>} run
   * @returns {Promise<Tensors>}
   */
  async #first(graph, run) {
    /** @type {Tensors} */
    let outputs = {};
    const first_ms = rounded(await timed(async () => (outputs = await run())));
    Object.assign(this.#runs.get(graph) ?? {}, { first_ms });
    return outputs;
  }

  /**
   * Runs all graphs as an app does, and sends every output: whoever has the references and the gates will judge.
   * @param {number} place Of the case.
   * @param {Tensors} given
   */
  async #selfTest(place, given) {
    let number = 0;
    for await (const { contract, outputs } of chainSteps([...this.#graphs.keys()], this.#graphs, given)) {
      for (const { name } of contract.outputs) {
        await this.outside.upload(`${place}/${number}`, /** @type {BufferSource} */ (outputs[name].data));
        number += 1;
      }
    }
  }

  /** @param {{stages: Stage[], inputs: Map<string, Tensors>}} found */
  async #prepared({ stages, inputs }) {
    this.#stages = wantedStages(stages, this.timing.stages);
    this.#samples = this.#stages.map(() => []);
    this.outside.tell("warming up");
    for (const [name, graph] of this.#graphs) {
      const run = () => graph.run(inputs.get(name) ?? {});
      const { samples, isSteady } = await warmUp(run, this.timing.warmup_max_s);
      const mean = samples.reduce((sum, time) => sum + time, 0) / samples.length;
      const warm = { average_warmup_ms: rounded(mean), warmup_iters: samples.length, is_warm: isSteady };
      Object.assign(this.#runs.get(name) ?? {}, warm);
      await pause(0);
    }
  }

  /** @returns {Stage | undefined} The first that is a whole task, else the first. */
  #longest() {
    return this.#stages.find(({ kind }) => kind === "end_to_end") ?? this.#stages[0];
  }

  async #readBattery() {
    const now = await charge();
    if (now) this.#charges.push({ t_s: rounded((performance.now() - this.#start) / 1000), ...now });
  }
}

/**
 * Opens a variant of the plan.
 * @param {Plan} plan
 * @param {number} number
 * @param {Outside} outside
 * @returns {Promise<OpenVariant>}
 */
async function openVariant(plan, number, outside) {
  const { subject: place, engine: name, unit, threads } = plan.variants[number];
  outside.tell("starting the runtime");
  const engine = await openEngine(name, { unit, threads, base: RUNTIMES });
  const variant = new OpenVariant(plan, engine, outside);
  const subject = plan.subjects[place];
  await (subject.kind === "bundle" ? variant.prepareBundle(subject) : variant.prepareFile(subject));
  return variant;
}

/**
 * Chooses stages by kind, by their subject, or by both, as in "graph:encoder".
 * @param {Stage[]} stages
 * @param {string[]} wanted None for all.
 * @returns {Stage[]}
 */
function wantedStages(stages, wanted) {
  const names = (/** @type {Stage} */ { kind, of }) => (of === null ? [kind] : [kind, of, `${kind}:${of}`]);
  const known = new Set(stages.flatMap(names));
  for (const name of wanted) {
    if (!known.has(name)) throw new Error(`unknown stage ${name}; valid names: ${[...known].sort().join(", ")}`);
  }
  return stages.filter((stage) => !wanted.length || names(stage).some((name) => wanted.includes(name)));
}

/**
 * Makes an input that every network takes: fractions, and the first of whatever is counted.
 * @param {string} dtype
 * @param {number[]} shape
 * @returns {import("../engines.js").Tensor}
 */
function example(dtype, shape) {
  const data = zeros(dtype, shape.reduce((product, length) => product * length, 1));
  // The same numbers every time: a linear congruence, which is random enough for convolutions.
  let state = 1;
  const drawn = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  if (data instanceof Float32Array) data.forEach((_, place) => (data[place] = drawn()));
  return { data, shape };
}

/**
 * @param {string} kind
 * @param {string | null} of
 * @param {string} mode
 * @param {number[]} samples
 */
function times(kind, of, mode, samples) {
  return { kind, of, mode, samples_ms: samples.map(rounded) };
}

Object.assign(window, { openVariant, isNotOffered: (/** @type {unknown} */ error) => error instanceof NotOffered });
