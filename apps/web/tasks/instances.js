/**
 * Instance segmentation from class logits and mask logits; rapsam/tasks/instances.py.
 * @module
 */

import { agreement, enlargerFor } from "./enlarge.js";
import { checkLogits, sigmoid, softmax } from "./logits.js";

/**
 * @typedef {import("./geometry.js").Geometry} Geometry
 * @typedef {import("./geometry.js").Tensor} Tensor
 *
 * @typedef {object} Pair A query, a thing class and the probability of that class.
 * @property {number} query
 * @property {number} label
 * @property {number} probability
 *
 * @typedef {object} Instance
 * @property {number} score Class probability times mean mask probability, 0..1.
 * @property {number} label Index of the class.
 * @property {number} query
 * @property {[number, number, number, number]} box x1, y1, x2, y2, ends exclusive; zeros for an empty mask.
 * @property {Uint8Array} mask (h0, w0), 0 or 1. Instances of one query share it.
 */

const f32 = Math.fround;

/**
 * Finds the instances of one image, in falling order of score.
 * @param {Tensor} classLogits (N, K+1), void last.
 * @param {Tensor} maskLogits (N, h, w) at any stride of the padded input.
 * @param {Geometry} geometry
 * @param {number} numThings The first classes that are things; stuff classes are dropped after the top k.
 * @param {{topK: number, minScore: number}} limits Pairs to keep; instances below the score are left out.
 * @returns {Instance[]}
 */
export function instanceSegmentation(classLogits, maskLogits, geometry, numThings, { topK, minScore }) {
  checkLogits(classLogits, maskLogits, numThings);
  const pairs = rankPairs(classLogits, numThings, topK);
  return byScore(maskedInstances(pairs, maskLogits, geometry, minScore));
}

/**
 * Picks the most probable pairs of query and class, then drops those of stuff classes.
 * @param {Tensor} classLogits
 * @param {number} numThings
 * @param {number} topK
 * @returns {Pair[]} Equal probabilities keep the order of the queries.
 */
export function rankPairs(classLogits, numThings, topK) {
  const [rows, columns] = classLogits.shape;
  const probabilities = softmax(classLogits);
  /** @type {number[]} Places in `probabilities`, the most probable first. */
  const best = [];
  for (let query = 0; query < rows; query++) {
    for (let place = query * columns; place < (query + 1) * columns - 1; place++) {
      if (best.length === topK && !(probabilities[place] > probabilities[best[topK - 1]])) continue;
      if (best.length === topK) best.pop();
      let rank = best.length;
      while (rank > 0 && probabilities[place] > probabilities[best[rank - 1]]) rank--;
      best.splice(rank, 0, place);
    }
  }
  const pairs = best.map((place) => ({
    query: Math.trunc(place / columns),
    label: place % columns,
    probability: probabilities[place],
  }));
  return pairs.filter((pair) => pair.label < numThings);
}

/**
 * Adds to every pair its mask, its box and its score; each query is enlarged once.
 * @param {Pair[]} pairs
 * @param {Tensor} maskLogits (N, h, w).
 * @param {Geometry} geometry
 * @param {number} minScore
 * @param {Int32Array} [order] Which map each query has; by default the one at its own place.
 * @returns {Instance[]} In the order of the pairs.
 */
export function maskedInstances(pairs, maskLogits, geometry, minScore, order) {
  /** @type {Map<number, {mask: Uint8Array, box: [number, number, number, number], probability: number}>} */
  const seen = new Map();
  const found = [];
  for (const { query, label, probability } of pairs) {
    if (probability < minScore) continue;
    const sight = seen.get(query) ?? maskOf(order ? order[query] : query, maskLogits, geometry);
    seen.set(query, sight);
    const score = f32(probability * sight.probability);
    if (minScore > 0 && score < minScore) continue;
    found.push({ score, label, query, box: sight.box, mask: sight.mask });
  }
  return found;
}

/**
 * @param {Instance[]} instances
 * @returns {Instance[]} In falling order of score, equal ones by class.
 */
export function byScore(instances) {
  return [...instances].sort((one, other) => other.score - one.score || one.label - other.label);
}

/**
 * @param {number} map
 * @param {Tensor} maskLogits
 * @param {Geometry} geometry
 */
function maskOf(map, maskLogits, geometry) {
  const [, height, width] = maskLogits.shape;
  const enlarger = enlargerFor([height, width], geometry);
  const [rows, columns] = geometry.originalSize;
  const mask = new Uint8Array(rows * columns);
  const box = { left: columns, top: rows, right: 0, bottom: 0 };
  let inside = 0;
  let sum = 0;
  for (const tile of enlarger.tiles) {
    if (agreement(maskLogits.data, map * height * width, width, tile) === false) continue;
    enlarger.enlarge(maskLogits.data, map * height * width, tile);
    for (let y = tile.top, i = 0; y < tile.bottom; y++) {
      for (let x = tile.left; x < tile.right; x++, i++) {
        const logit = enlarger.values[i];
        if (!(logit > 0)) continue;
        mask[y * columns + x] = 1;
        inside += 1;
        sum += sigmoid(logit);
        box.left = Math.min(box.left, x);
        box.right = Math.max(box.right, x + 1);
        box.top = Math.min(box.top, y);
        box.bottom = Math.max(box.bottom, y + 1);
      }
    }
  }
  /** @type {[number, number, number, number]} */
  const corners = inside ? [box.left, box.top, box.right, box.bottom] : [0, 0, 0, 0];
  const probability = f32(f32(sum) / f32(f32(inside) + f32(1e-6)));
  return { mask, box: corners, probability };
}
