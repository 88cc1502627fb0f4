/**
 * A bundle that lies beside the page: its manifest, and its files, each verified before anyone sees it.
 * @module
 */

import { sha256 } from "./sha256.js";
import { checkClaims } from "./tasks/prompt_encoding.js";

/** Of manifests that this page reads; rapsam/export/bundle/manifest.py defines it. */
export const SCHEMA_VERSION = 4;
const MAX_MANIFEST_BYTES = 8 * 1024 ** 2;

/**
 * @typedef {object} TensorSpec One input or output of a graph; see rapsam/contract.py.
 * @property {string} name
 * @property {number[]} shape
 * @property {string} dtype
 * @property {string} role
 * @property {[number, number] | null} value_range
 *
 * @typedef {object} GraphContract
 * @property {string} graph
 * @property {TensorSpec[]} inputs
 * @property {TensorSpec[]} outputs
 *
 * @typedef {object} GraphEntry
 * @property {string} path
 * @property {string} sha256
 * @property {number} size_bytes
 * @property {GraphContract} contract
 *
 * @typedef {object} Pipeline
 * @property {string} task
 * @property {string[]} graphs
 *
 * @typedef {{path: string, sha256: string, size_bytes: number}} FileEntry
 *
 * @typedef {object} Manifest See docs/formats.md.
 * @property {number} schema_version
 * @property {string} recipe
 * @property {{name: string}} model
 * @property {GraphEntry[]} graphs
 * @property {Pipeline[]} pipelines
 * @property {any} labels
 * @property {any} preprocess
 * @property {any} postprocess
 * @property {any} prompts
 * @property {FileEntry[]} files
 *
 * @callback OnProgress
 * @param {string} path The file that is loaded.
 * @param {number} received Bytes of it so far.
 * @param {number} total Bytes of it.
 */

/**
 * Reads the manifest of a bundle.
 * @param {string} baseUrl Where the bundle's files lie; relative to the page.
 * @param {OnProgress} [onProgress] Told how far files are.
 * @returns {Promise<Bundle>}
 */
export async function openBundle(baseUrl, onProgress = () => {}) {
  const folder = new URL(baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`, document.baseURI);
  const bytes = await fetchLimited(new URL("manifest.json", folder), MAX_MANIFEST_BYTES, () => {});
  const seal = await fetchLimited(new URL("manifest.sha256", folder), 200, () => {});
  if (textOf(seal).split(" ")[0] !== (await sha256(bytes))) {
    throw new Error("manifest.json is not what was sealed; copy or export the bundle again");
  }
  /** @type {Manifest} */
  const manifest = JSON.parse(textOf(bytes));
  if (manifest.schema_version !== SCHEMA_VERSION) {
    throw new Error(
      `manifest.json has schema version ${manifest.schema_version}; this page reads ${SCHEMA_VERSION}: ` +
        "export the bundle again",
    );
  }
  if (manifest.prompts) checkClaims(manifest.prompts);
  return new Bundle(folder, manifest, onProgress);
}

/** A bundle whose manifest has been read. */
export class Bundle {
  #folder;
  #onProgress;

  /**
   * @param {URL} folder
   * @param {Manifest} manifest
   * @param {OnProgress} onProgress
   */
  constructor(folder, manifest, onProgress) {
    this.#folder = folder;
    this.#onProgress = onProgress;
    this.manifest = manifest;
  }

  /**
   * @param {string} name Of a graph.
   * @returns {GraphEntry}
   */
  graph(name) {
    const found = this.manifest.graphs.find((entry) => entry.contract.graph === name);
    if (!found) throw new Error(`the bundle has no graph ${name}`);
    return found;
  }

  /**
   * @param {string} name Of a graph.
   * @returns {GraphContract}
   */
  contract(name) {
    return this.graph(name).contract;
  }

  /**
   * @param {string} task As in "panoptic".
   * @returns {Pipeline | undefined} Undefined if the bundle does not do it.
   */
  pipeline(task) {
    return this.manifest.pipelines.find((pipeline) => pipeline.task === task);
  }

  /**
   * Loads a file and compares it with the manifest.
   * @param {string} path As the manifest has it.
   * @returns {Promise<Uint8Array>}
   */
  async file(path) {
    const entry = this.manifest.files.find((file) => file.path === path);
    if (!entry) throw new Error(`the manifest names no file ${path}`);
    const url = new URL(path.split("/").map(encodeURIComponent).join("/"), this.#folder);
    return fetchVerified(url, entry, this.#onProgress);
  }
}

/**
 * Loads a file whose size and digest are known.
 * @param {URL} url
 * @param {FileEntry} entry
 * @param {OnProgress} [onProgress]
 * @returns {Promise<Uint8Array>}
 */
export async function fetchVerified(url, entry, onProgress = () => {}) {
  const told = (/** @type {number} */ received) => onProgress(entry.path, received, entry.size_bytes);
  const bytes = await fetchLimited(url, entry.size_bytes, told);
  if (bytes.length !== entry.size_bytes || (await sha256(bytes)) !== entry.sha256) {
    throw new Error(`${entry.path} is not the file that the manifest names; copy the bundle again`);
  }
  return bytes;
}

/**
 * Loads a file of at most so many bytes.
 * @param {URL} url
 * @param {number} limit
 * @param {(received: number) => void} told
 * @returns {Promise<Uint8Array>}
 */
function fetchLimited(url, limit, told) {
  const name = url.pathname.split("/").pop();
  // Chromium calls a fetch whose body is read as a stream, as progress needs it, aborted now and then.
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    const tooLarge = `${name} has more than ${limit} bytes; copy or export the bundle again`;
    request.open("GET", url);
    request.responseType = "arraybuffer";
    request.onprogress = ({ loaded }) => {
      if (loaded <= limit) return told(loaded);
      request.abort();
      return reject(new Error(tooLarge));
    };
    request.onerror = () => reject(new Error(`cannot load ${name}: the connection failed`));
    request.onload = () => {
      if (request.status !== 200) return reject(new Error(`cannot load ${name}: HTTP ${request.status}`));
      const bytes = new Uint8Array(request.response);
      return bytes.length > limit ? reject(new Error(tooLarge)) : resolve(bytes);
    };
    request.send();
  });
}

/**
 * @param {Uint8Array} bytes
 * @returns {string}
 */
function textOf(bytes) {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
