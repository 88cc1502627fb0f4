/**
 * The inputs of a bundle's self-test; docs/formats.md describes its folder "golden".
 * @module
 */

import { decodePng } from "./png.js";

/**
 * @typedef {import("./bundle.js").Bundle} Bundle
 * @typedef {import("./chain.js").Tensors} Tensors
 * @typedef {{name: string, shape: number[], step: number, file: string}} GoldenTensor
 */

const INDEX = "golden/index.json";
const SCHEMA_VERSION = 1;

/**
 * Reads the inputs of all cases.
 * @param {Bundle} bundle
 * @returns {Promise<{name: string, given: Tensors}[]>} Role to tensor, for each case.
 */
export async function goldenCases(bundle) {
  const index = JSON.parse(new TextDecoder().decode(await bundle.file(INDEX)));
  if (index.schema_version !== SCHEMA_VERSION) {
    throw new Error(`${INDEX} has schema version ${index.schema_version}; this page reads ${SCHEMA_VERSION}`);
  }
  const specs = bundle.manifest.graphs.flatMap(({ contract }) => contract.inputs);
  const roles = new Map(specs.map(({ name, role }) => [name, role]));
  const cases = [];
  for (const { name, inputs } of index.cases) {
    /** @type {Tensors} */
    const given = {};
    for (const tensor of inputs) given[roles.get(tensor.name) ?? ""] = await goldenTensor(bundle, tensor);
    cases.push({ name, given });
  }
  return cases;
}

/**
 * @param {Bundle} bundle
 * @param {GoldenTensor} tensor
 * @returns {Promise<import("./engines.js").Tensor>}
 */
async function goldenTensor(bundle, { shape, file }) {
  const bytes = await bundle.file(file);
  if (!file.endsWith(".png")) return { data: new Float32Array(bytes.buffer), shape };
  const { data, height, width } = await decodePng(bytes);
  const area = height * width;
  const planes = new Float32Array(3 * area);
  for (let pixel = 0; pixel < area; pixel++) {
    for (let channel = 0; channel < 3; channel++) planes[channel * area + pixel] = data[3 * pixel + channel];
  }
  return { data: planes, shape };
}
