/**
 * What runs graphs in a browser. An engine is added by a file and a line in `ENGINES`.
 *
 * An engine keeps its runtime for the life of the page: for another unit or number of threads, take another
 * page, such as a frame.
 * @module
 */

import { openLiteRt } from "./engine_litert.js";
import { openOnnxRuntime } from "./engine_onnx.js";

/**
 * @typedef {import("./bundle.js").GraphContract} GraphContract
 * @typedef {Float32Array | Int32Array | BigInt64Array | Uint8Array | Int8Array} Data
 * @typedef {{data: Data, shape: number[]}} Tensor
 *
 * @typedef {object} Graph A loaded graph.
 * @property {GraphContract} contract
 * @property {string[] | null} reported What computes, as the runtime reports it; null if it does not say.
 * @property {(inputs: Record<string, Tensor>) => Promise<Record<string, Tensor>>} run Takes and returns tensors
 *   under the names of the contract, in the order and shape of the contract. What it returns is the caller's.
 *
 * @typedef {object} Engine A runtime that has started.
 * @property {string} name
 * @property {string | null} version As the runtime reports it.
 * @property {string} unit
 * @property {number | null} threads Threads that it really has; null if it does not say.
 * @property {(bytes: Uint8Array, contract: GraphContract) => Promise<Graph>} load
 *
 * @typedef {object} Wish
 * @property {string} unit "wasm" or "webgpu".
 * @property {number} threads Of "wasm".
 * @property {URL} base Where the runtimes lie: a folder with one folder per npm package.
 *
 * @typedef {object} EngineEntry
 * @property {string} suffix Of the files that it runs.
 * @property {string[]} units
 * @property {(wish: Wish) => Promise<Engine>} open
 */

/** @type {Record<string, EngineEntry>} */
export const ENGINES = {
  "ONNX Runtime Web": { suffix: ".onnx", units: ["wasm", "webgpu"], open: openOnnxRuntime },
  "LiteRT.js": { suffix: ".tflite", units: ["wasm", "webgpu"], open: openLiteRt },
};

/** What was asked for is not there in this browser, or not on this page. */
export class NotOffered extends Error {}

/**
 * Finds what runs a file.
 * @param {string} path
 * @returns {string} Key of `ENGINES`.
 */
export function engineFor(path) {
  const found = Object.keys(ENGINES).find((name) => path.endsWith(ENGINES[name].suffix));
  if (!found) throw new Error(`nothing in a browser runs ${path}; expected an .onnx or .tflite file`);
  return found;
}

/**
 * Starts a runtime.
 * @param {string} name Key of `ENGINES`.
 * @param {{unit?: string, threads?: number, base: string}} wish `base`: the folder of the runtimes, relative to
 *   the page.
 * @returns {Promise<Engine>}
 * @throws {NotOffered} If the browser has no such unit or threads, or hides them from this page.
 */
export async function openEngine(name, { unit = "wasm", threads = 1, base }) {
  const entry = ENGINES[name];
  if (!entry || !entry.units.includes(unit)) throw new Error(`there is no ${name} on ${unit}`);
  const reason = await whyNotOffered(unit, threads);
  if (reason) throw new NotOffered(reason);
  const folder = new URL(base.endsWith("/") ? base : `${base}/`, document.baseURI);
  return entry.open({ unit, threads, base: folder });
}

/**
 * Says why a unit cannot be had on this page.
 * @param {string} unit
 * @param {number} threads
 * @returns {Promise<string | null>} Null if it can.
 */
export async function whyNotOffered(unit, threads = 1) {
  if (unit === "webgpu") return whyNoWebGpu();
  if (threads > 1 && !globalThis.crossOriginIsolated) {
    return isSecureContext
      ? "threads need a page that is cross-origin isolated"
      : "browsers give threads to https pages and to localhost only";
  }
  const processors = navigator.hardwareConcurrency;
  return threads > processors ? `the browser tells of ${processors} processors only` : null;
}

/** @returns {Promise<string | null>} */
async function whyNoWebGpu() {
  if (!isSecureContext) return "browsers give WebGPU to https pages and to localhost only";
  /** @type {any} */
  const gpu = /** @type {any} */ (navigator).gpu;
  if (!gpu) return "this browser has no WebGPU";
  return (await gpu.requestAdapter()) ? null : "this browser finds no adapter for WebGPU";
}

/** NumPy's names of element types, with what holds them here. */
const ARRAYS = {
  float32: Float32Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
};

/**
 * Makes zeros of an element type.
 * @param {string} dtype NumPy's name.
 * @param {number} length
 * @returns {Data}
 */
export function zeros(dtype, length) {
  const kind = ARRAYS[/** @type {keyof typeof ARRAYS} */ (dtype)];
  if (!kind) throw new Error(`the page cannot make a tensor of ${dtype}`);
  return new kind(length);
}
