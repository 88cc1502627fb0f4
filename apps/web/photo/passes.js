/**
 * Prompts go through a graph a few at a time: filling passes, and taking the answers out.
 * @module
 */

import { ofOne } from "../chain.js";
import { chosenCandidates, stabilityToChoose } from "../tasks/candidates.js";
import { checkFinite } from "../tasks/logits.js";
import { interactiveMasks } from "../tasks/prompt.js";

/**
 * @typedef {import("../bundle.js").Pipeline} Pipeline
 * @typedef {import("../engines.js").Graph} Graph
 * @typedef {import("../engines.js").Tensor} RunTensor
 * @typedef {import("../tasks/geometry.js").Geometry} Geometry
 * @typedef {import("../tasks/geometry.js").Tensor} Tensor
 * @typedef {import("../tasks/prompt_encoding.js").Prompt} Prompt
 * @typedef {import("../tasks/prompt_encoding.js").PromptSpec} PromptSpec
 *
 * @typedef {object} Region The answer to a prompt.
 * @property {Uint8Array} mask (h0, w0).
 * @property {number} predictedIou
 * @property {Tensor} logits (h, w) of the mask, as the network gave them: another prompt may take them.
 */

/**
 * @param {Pipeline} pipeline
 * @param {Map<string, Graph>} graphs
 * @param {string[]} roles Of encoded prompts.
 * @returns {number} Prompts that the graphs take at a time.
 */
export function promptsPerPass(pipeline, graphs, roles) {
  const specs = pipeline.graphs.flatMap((name) => graphs.get(name)?.contract.inputs ?? []);
  const counts = specs.filter((spec) => roles.includes(spec.role)).map((spec) => spec.shape[1]);
  if (!counts.length) throw new Error(`no graph of the bundle takes ${roles.join(", ")}; export it again`);
  return Math.min(...counts);
}

/**
 * Cuts the prompts of a pass; the last pass is filled up with copies, whose results are dropped.
 * @param {Tensor} prompts (1, K, ...).
 * @param {number} start
 * @param {number} count
 * @returns {Tensor} (1, count, ...).
 */
export function filled({ data, shape }, start, count) {
  const [, total, ...rest] = shape;
  const width = data.length / total;
  const chunk = new Float32Array(count * width);
  for (let place = 0; place < count; place++) {
    const from = Math.min(start + place, total - 1) * width;
    chunk.set(data.subarray(from, from + width), place * width);
  }
  return { data: chunk, shape: [1, count, ...rest] };
}

/**
 * Takes the masks that prompts mean out of what the graphs returned, as `masks_of` of rapsam/inference/segmenter.py.
 * @param {Record<string, RunTensor>} outputs By role, of one pass.
 * @param {Prompt[]} prompts The first of the pass: those that were asked.
 * @param {PromptSpec} spec
 * @param {Geometry} geometry
 * @returns {Region[]}
 */
export function answers(outputs, prompts, spec, geometry) {
  const { data, shape } = ofOne(outputs.mask_logits);
  const iou = ofOne(outputs.iou);
  const [height, width] = shape.slice(-2);
  const step = height * width;
  const candidates = iou.data.length / iou.shape[0];
  const count = prompts.length * candidates;
  if (candidates !== spec.candidates || iou.data.length < count || data.length < count * step) {
    throw new Error(
      `the graphs return masks of [${shape}] with predicted IoUs of [${iou.shape}], the bundle says ` +
        `${spec.candidates} masks a prompt; export it again`,
    );
  }
  checkFinite("predicted IoUs", iou.data);
  const maps = (/** @type {number} */ first, /** @type {number} */ number) => ({
    data: data.subarray(first * step, (first + number) * step),
    shape: [number, height, width],
  });
  const ambiguous = prompts.map(({ points, box, mask }) => points?.length === 1 && !box && !mask);
  const byStability = spec.choice === "stability";
  const scores = byStability
    ? stabilityToChoose(spec, maps(0, count), ambiguous, geometry)
    : iou.data.subarray(0, count);
  return chosenCandidates(spec, scores, ambiguous).map((candidate, prompt) => {
    const place = prompt * candidates + candidate;
    const [mask] = interactiveMasks(maps(place, 1), geometry);
    return { mask, predictedIou: iou.data[place], logits: { data: maps(place, 1).data.slice(), shape: [height, width] } };
  });
}
