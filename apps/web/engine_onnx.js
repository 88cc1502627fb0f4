/**
 * ONNX Runtime Web: WebAssembly with one or more threads, or WebGPU.
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

const FOLDER = "onnxruntime-web/dist/";
const MODULES = { wasm: "ort.wasm.min.mjs", webgpu: "ort.webgpu.min.mjs" };

/**
 * A graph of one operator, Identity, on one number. The runtime starts with its first graph, and only then says
 * how many threads it really has: with this one, the start is not part of the time to load the first real one.
 */
const SMALLEST_GRAPH =
  "CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEA0=";

/**
 * Starts the runtime; see `openEngine`.
 * @param {Wish} wish
 * @returns {Promise<Engine>}
 */
export async function openOnnxRuntime({ unit, threads, base }) {
  const folder = new URL(FOLDER, base);
  const ort = await import(new URL(MODULES[/** @type {keyof typeof MODULES} */ (unit)], folder).href);
  ort.env.wasm.wasmPaths = folder.href;
  ort.env.wasm.numThreads = threads;
  const options = { executionProviders: [unit], graphOptimizationLevel: "all" };
  const smallest = Uint8Array.from(atob(SMALLEST_GRAPH), (char) => char.charCodeAt(0));
  await (await ort.InferenceSession.create(smallest, options)).release();
  const reported = unit === "webgpu" ? [await adapterName(ort)] : ["wasm"];
  return {
    name: "ONNX Runtime Web",
    version: ort.env.versions?.web ?? null,
    unit,
    threads: unit === "wasm" ? ort.env.wasm.numThreads : null,
    load: async (bytes, contract) =>
      graphOf(ort, await ort.InferenceSession.create(bytes, options), contract, reported),
  };
}

/**
 * @param {any} ort
 * @param {any} session
 * @param {GraphContract} contract
 * @param {string[]} reported
 * @returns {Graph}
 */
function graphOf(ort, session, contract, reported) {
  checkNames("input", contract.inputs, session.inputNames);
  checkNames("output", contract.outputs, session.outputNames);
  return {
    contract,
    reported,
    run: async (inputs) => {
      /** @type {Record<string, any>} */
      const feeds = {};
      for (const { name, dtype } of contract.inputs) {
        feeds[name] = new ort.Tensor(dtype, inputs[name].data, inputs[name].shape);
      }
      const results = await session.run(feeds);
      /** @type {Record<string, Tensor>} */
      const outputs = {};
      for (const { name } of contract.outputs) {
        outputs[name] = { data: results[name].data, shape: [...results[name].dims] };
      }
      return outputs;
    },
  };
}

/**
 * Names the adapter that the runtime took.
 * @param {any} ort
 * @returns {Promise<string>}
 */
async function adapterName(ort) {
  const device = await ort.env.webgpu.device;
  const info = device?.adapterInfo ?? {};
  return ["webgpu", info.vendor, info.architecture, info.description].filter(Boolean).join(" ");
}
