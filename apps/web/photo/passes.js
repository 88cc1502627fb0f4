/**
 * Prompts go through a graph a few at a time: filling passes, and taking the answers out.
 * @module
 */

import { ofOne } from "../chain.js";
import { interactiveMasks } from "../tasks/prompt.js";

/**
 * @typedef {import("../bundle.js").Pipeline} Pipeline
 * @typedef {import("../engines.js").Graph} Graph
 * @typedef {import("../engines.js").Tensor} RunTensor
 * @typedef {import("../tasks/geometry.js").Geometry} Geometry
 * @typedef {import("../tasks/geometry.js").Tensor} Tensor
 *
 * @typedef {{mask: Uint8Array, predictedIou: number}} Region The answer to a prompt; the mask is (h0, w0).
 */

/**
 * @param {Pipeline} pipeline
 * @param {Map<string, Graph>} graphs
 * @param {string} role
 * @returns {number} Prompts that the graphs take at a time.
 */
export function promptsPerPass(pipeline, graphs, role) {
  const specs = pipeline.graphs.flatMap((name) => graphs.get(name)?.contract.inputs ?? []);
  const counts = specs.filter((spec) => spec.role === role).map((spec) => spec.shape[1]);
  if (!counts.length) throw new Error(`no graph of the bundle takes ${role}; export it again`);
  return Math.min(...counts);
}

/**
 * Cuts the prompts of a pass; the last pass is filled up with copies, whose results are dropped.
 * @param {Tensor} prompts (1, K, D).
 * @param {number} start
 * @param {number} count
 * @returns {Tensor} (1, count, D).
 */
export function filled({ data, shape }, start, count) {
  const [, total, width] = shape;
  const chunk = new Float32Array(count * width);
  for (let place = 0; place < count; place++) {
    const from = Math.min(start + place, total - 1) * width;
    chunk.set(data.subarray(from, from + width), place * width);
  }
  return { data: chunk, shape: [1, count, width] };
}

/**
 * @param {Record<string, RunTensor>} outputs By role, of one pass.
 * @param {number} count Prompts of the pass that were asked.
 * @param {Geometry} geometry
 * @returns {Region[]}
 */
export function answers(outputs, count, geometry) {
  const { data, shape } = ofOne(outputs.mask_logits);
  const iou = ofOne(outputs.iou);
  const size = shape.slice(-2);
  const candidates = iou.data.length / iou.shape[0];
  const step = size[0] * size[1];
  return Array.from({ length: count }, (_, prompt) => {
    let best = prompt * candidates;
    for (let i = best + 1; i < (prompt + 1) * candidates; i++) if (iou.data[i] > iou.data[best]) best = i;
    const logits = { data: data.subarray(best * step, (best + 1) * step), shape: [1, ...size] };
    return { mask: interactiveMasks(logits, geometry)[0], predictedIou: iou.data[best] };
  });
}
