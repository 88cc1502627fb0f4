/**
 * Which of several candidate masks a prompt means, and how stable masks are; rapsam/tasks/candidates.py.
 * @module
 */

import { enlargerFor } from "./enlarge.js";
import { checkFinite } from "./logits.js";

/**
 * @typedef {import("./geometry.js").Geometry} Geometry
 * @typedef {import("./geometry.js").Tensor} Tensor
 * @typedef {import("./prompt_encoding.js").PromptSpec} PromptSpec
 */

/** How far the threshold of 0 is moved up and down to see how much of a mask depends on it. */
const STABILITY_OFFSET = 1;

/**
 * Chooses a candidate for each prompt.
 * @param {PromptSpec} spec
 * @param {Float32Array} scores (K, M) predicted IoU or stability of the candidates.
 * @param {boolean[]} ambiguous (K) which prompts mean the best of several; the others mean `single`, if there is one.
 * @returns {number[]} (K) the first of equals.
 */
export function chosenCandidates({ single = null }, scores, ambiguous) {
  const count = scores.length / ambiguous.length;
  return ambiguous.map((isAmbiguous, prompt) => {
    if (!isAmbiguous && single !== null) return single;
    let best = -1;
    for (let place = 0; place < count; place++) {
      if (place === single) continue;
      if (best < 0 || scores[prompt * count + place] > scores[prompt * count + best]) best = place;
    }
    return best;
  });
}

/**
 * Measures the stability of those candidates among which `chosenCandidates` chooses.
 * @param {PromptSpec} spec
 * @param {Tensor} maskLogits (K * M, h, w) at any stride of the padded input.
 * @param {boolean[]} ambiguous (K), see there.
 * @param {Geometry} geometry
 * @returns {Float32Array} (K, M), 0..1; 0 for all that are not asked for.
 */
export function stabilityToChoose({ single = null }, { data, shape }, ambiguous, geometry) {
  const [total, height, width] = shape;
  const count = total / ambiguous.length;
  const step = height * width;
  const scores = new Float32Array(total);
  for (let place = 0; place < total; place++) {
    const isAsked = single === null || (ambiguous[Math.floor(place / count)] && place % count !== single);
    const map = { data: data.subarray(place * step, (place + 1) * step), shape: [1, height, width] };
    if (isAsked) scores[place] = stabilityScores(map, geometry)[0];
  }
  return scores;
}

/**
 * Measures how little masks change when their threshold moves: pixels of the original image above +1, by those
 * above -1.
 * @param {Tensor} maskLogits (N, h, w) at any stride of the padded input.
 * @param {Geometry} geometry
 * @returns {Float32Array} (N), 0..1; 0 for a mask without any pixel above -1.
 */
export function stabilityScores(maskLogits, geometry) {
  checkFinite("mask logits", maskLogits.data);
  const [count, height, width] = maskLogits.shape;
  const enlarger = enlargerFor([height, width], geometry);
  return Float32Array.from({ length: count }, (_, map) => {
    let [core, reach] = [0, 0];
    for (const tile of enlarger.tiles) {
      enlarger.enlarge(maskLogits.data, map * height * width, tile);
      const pixels = (tile.bottom - tile.top) * (tile.right - tile.left);
      for (let i = 0; i < pixels; i++) {
        core += Number(enlarger.values[i] > STABILITY_OFFSET);
        reach += Number(enlarger.values[i] > -STABILITY_OFFSET);
      }
    }
    return core / Math.max(reach, 1);
  });
}
