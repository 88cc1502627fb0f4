/**
 * Panoptic segmentation from class logits and mask logits; rapsam/tasks/panoptic.py.
 * @module
 */

import { checkLogits, softmax } from "./logits.js";
import { fuseMasks } from "./mask_fusion.js";

/**
 * @typedef {import("./geometry.js").Geometry} Geometry
 * @typedef {import("./geometry.js").Size} Size
 * @typedef {import("./geometry.js").Tensor} Tensor
 *
 * @typedef {object} Segment
 * @property {number} id Its value in the map.
 * @property {number} classIndex
 * @property {boolean} isThing Whether it is one object (thing) or all of a material (stuff).
 * @property {number} score Class probability of its query, 0..1.
 * @property {number} area Pixels at the original size.
 * @property {number} query Index of its query; stuff painted by several queries names the best one.
 *
 * @typedef {object} PanopticResult
 * @property {Int32Array} panopticMap (h0, w0).
 * @property {Size} size
 * @property {Segment[]} segments One per value of the map but void, in the order of painting.
 * @property {number} void Value of the pixels that belong to no segment.
 *
 * @typedef {object} Thresholds
 * @property {number} scoreThreshold A query needs a larger class probability than this.
 * @property {number} overlapThreshold A query needs to win at least this share of its own mask.
 *
 * @typedef {object} Candidates Queries that passed the score threshold, in their order.
 * @property {Int32Array} queries
 * @property {Int32Array} classes
 * @property {Float32Array} scores
 */

/** A thing has the map value class + 1000 * instance, a stuff class its class, void the class count. */
export const INSTANCE_STEP = 1000;

/**
 * Fuses the queries of one image into a panoptic map.
 * @param {Tensor} classLogits (N, K+1), void last.
 * @param {Tensor} maskLogits (N, h, w) at any stride of the padded input.
 * @param {Geometry} geometry
 * @param {number} numThings The first classes that are things.
 * @param {Thresholds} thresholds
 * @returns {PanopticResult}
 */
export function panopticSegmentation(classLogits, maskLogits, geometry, numThings, thresholds) {
  checkLogits(classLogits, maskLogits, numThings);
  const voidValue = classLogits.shape[1] - 1;
  const size = geometry.originalSize;
  const panopticMap = new Int32Array(size[0] * size[1]).fill(voidValue);
  const candidates = select(classLogits, thresholds.scoreThreshold);
  if (candidates.queries.length === 0) return { panopticMap, size, segments: [], void: voidValue };
  const [, height, width] = maskLogits.shape;
  const fusion = fuseMasks(
    { logits: maskLogits.data, maps: candidates.queries, size: [height, width], scores: candidates.scores },
    geometry,
  );
  const values = mapValues(candidates, fusion, numThings, voidValue, thresholds.overlapThreshold);
  const areas = new Int32Array(values.length);
  for (let i = 0; i < panopticMap.length; i++) {
    if (!fusion.confident[i]) continue;
    panopticMap[i] = values[fusion.winners[i]];
    areas[fusion.winners[i]] += 1;
  }
  return { panopticMap, size, segments: segmentsOf(candidates, values, areas, numThings, voidValue), void: voidValue };
}

/**
 * @param {Tensor} classLogits
 * @param {number} scoreThreshold
 * @returns {Candidates}
 */
function select(classLogits, scoreThreshold) {
  const [rows, columns] = classLogits.shape;
  const probabilities = softmax(classLogits);
  const queries = [];
  const classes = [];
  const scores = [];
  for (let query = 0; query < rows; query++) {
    const start = query * columns;
    let best = start;
    for (let place = start; place < start + columns; place++) if (probabilities[place] > probabilities[best]) best = place;
    if (best === start + columns - 1 || !(probabilities[best] > scoreThreshold)) continue;
    queries.push(query);
    classes.push(best - start);
    scores.push(probabilities[best]);
  }
  return { queries: Int32Array.from(queries), classes: Int32Array.from(classes), scores: Float32Array.from(scores) };
}

/**
 * @param {Candidates} candidates
 * @param {import("./mask_fusion.js").Fusion} fusion
 * @param {number} numThings
 * @param {number} voidValue
 * @param {number} overlapThreshold
 * @returns {Int32Array} The map value of every candidate: void for one that lost too much of its own mask.
 */
function mapValues(candidates, fusion, numThings, voidValue, overlapThreshold) {
  const values = new Int32Array(candidates.classes.length).fill(voidValue);
  let instances = 0;
  candidates.classes.forEach((label, candidate) => {
    const won = fusion.won[candidate];
    const own = fusion.own[candidate];
    if (won === 0 || own === 0 || won / own < overlapThreshold) return;
    values[candidate] = label;
    if (label < numThings) {
      instances += 1;
      values[candidate] += instances * INSTANCE_STEP;
    }
  });
  return values;
}

/**
 * @param {Candidates} candidates
 * @param {Int32Array} values
 * @param {Int32Array} areas
 * @param {number} numThings
 * @param {number} voidValue
 * @returns {Segment[]}
 */
function segmentsOf(candidates, values, areas, numThings, voidValue) {
  /** @type {Map<number, Segment>} */
  const segments = new Map();
  values.forEach((id, candidate) => {
    if (id === voidValue || areas[candidate] === 0) return;
    const classIndex = candidates.classes[candidate];
    const found = {
      id,
      classIndex,
      isThing: classIndex < numThings,
      score: candidates.scores[candidate],
      area: areas[candidate],
      query: candidates.queries[candidate],
    };
    const before = segments.get(id);
    segments.set(id, before ? merged(before, found) : found);
  });
  return [...segments.values()];
}

/**
 * @param {Segment} first
 * @param {Segment} second
 * @returns {Segment}
 */
function merged(first, second) {
  const best = first.score >= second.score ? first : second;
  return { ...best, area: first.area + second.area };
}
