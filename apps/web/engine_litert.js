/**
 * LiteRT.js: WebAssembly with XNNPACK, with one or more threads, or WebGPU.
 * The page needs an import map that says where "@litertjs/wasm-utils" is.
 * @module
 */

import { checkNames } from "./contract.js";

/**
 * @typedef {import("./engines.js").Engine} Engine
 * @typedef {import("./engines.js").Graph} Graph
 * @typedef {import("./engines.js").Tensor} Tensor
 * @typedef {import("./engines.js").Wish} Wish
 * @typedef {import("./bundle.js").GraphContract} GraphContract
 */

const FOLDER = "@litertjs/core/";

/**
 * Starts the runtime; see `openEngine`.
 * @param {Wish} wish
 * @returns {Promise<Engine>}
 */
export async function openLiteRt({ unit, threads, base }) {
  const folder = new URL(FOLDER, base);
  const library = await import(new URL("dist/index.js", folder).href);
  // On WebGPU, what it cannot compute runs in WebAssembly, which waits for it: only one build can.
  const build = { threads: unit === "wasm" && threads > 1, jspi: unit === "webgpu" };
  const runtime = await library.loadLiteRt(new URL("wasm/", folder).href, build);
  const available = runtime.liteRtWasm.getThreadCount();
  const taken = unit === "wasm" ? Math.min(threads, available) : null;
  const device = unit === "webgpu" ? runtime.getWebGpuDevice() : null;
  const options = {
    accelerator: unit,
    ...(taken && { cpuOptions: { numThreads: taken } }),
    // Half precision would be another network than the one that the bundle was compared with.
    ...(device && { gpuOptions: { precision: "fp32" } }),
  };
  return {
    name: "LiteRT.js",
    version: null,
    unit,
    threads: taken,
    load: async (bytes, contract) =>
      graphOf(library, await library.loadAndCompile(bytes, options), contract, unit, device),
  };
}

/**
 * @param {any} library
 * @param {any} model
 * @param {GraphContract} contract
 * @param {string} unit
 * @param {any} device Of WebGPU.
 * @returns {Graph}
 */
function graphOf(library, model, contract, unit, device) {
  checkNames("input", contract.inputs, namesOf(model.getInputDetails()));
  checkNames("output", contract.outputs, namesOf(model.getOutputDetails()));
  const info = device?.adapterInfo ?? {};
  const gpu = ["webgpu", info.vendor, info.architecture, info.description].filter(Boolean).join(" ");
  const all = unit === "wasm" ? ["wasm"] : model.isFullyAccelerated ? [gpu] : [gpu, "wasm"];
  return { contract, reported: all, run: (inputs) => run(library, model, contract, unit, inputs) };
}

/**
 * @param {any} library
 * @param {any} model
 * @param {GraphContract} contract
 * @param {string} unit
 * @param {Record<string, Tensor>} inputs
 * @returns {Promise<Record<string, Tensor>>}
 */
async function run(library, model, contract, unit, inputs) {
  /** @type {Record<string, any>} */
  const given = {};
  for (const { name } of contract.inputs) {
    const tensor = new library.Tensor(inputs[name].data, inputs[name].shape);
    given[name] = unit === "webgpu" ? await tensor.moveTo("webgpu") : tensor;
  }
  const results = await model.run(given);
  /** @type {Record<string, Tensor>} */
  const outputs = {};
  for (const { name, shape } of contract.outputs) {
    const data = await results[name].data(); // a copy
    outputs[name] = { data, shape: [...shape] };
  }
  for (const tensor of [...Object.values(given), ...Object.values(results)]) tensor.delete();
  return outputs;
}

/**
 * @param {readonly {name: string}[]} details
 * @returns {string[]}
 */
function namesOf(details) {
  return details.map(({ name }) => name);
}
