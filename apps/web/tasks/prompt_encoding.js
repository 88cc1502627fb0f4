/**
 * From prompts in pixels of a photograph to the tensors that the graphs of a model get;
 * rapsam/tasks/prompt_encoding.py and prompt_set.py.
 * @module
 */

import { scaleXY } from "./geometry.js";
import { checkBox, checkPoint, normalisedBoxes, promptBoxes } from "./prompt.js";

/**
 * @typedef {import("./geometry.js").Geometry} Geometry
 * @typedef {import("./geometry.js").Tensor} Tensor
 * @typedef {import("./prompt.js").Box} Box
 * @typedef {import("./prompt.js").Point} Point
 *
 * @typedef {object} Prompt What asks for one region, as far as the model takes it.
 * @property {Point[]} [points]
 * @property {boolean[]} [positive] For each point whether it lies in the region; missing if all do.
 * @property {Box} [box] Around the region.
 * @property {Float32Array} [mask] Mask logits of an earlier answer.
 *
 * @typedef {object} PromptSpec Of a manifest: what the model takes, and what it answers.
 * @property {string} encoding
 * @property {number} max_points
 * @property {boolean} negative_points
 * @property {boolean} boxes
 * @property {boolean} points_with_box
 * @property {boolean} masks
 * @property {number} candidates
 * @property {number | null} point_radius
 * @property {number | null} [single]
 * @property {string} [choice]
 * @property {number | null} [mask_stride]
 */

/** Labels of slots. */
const [BESIDE, INSIDE, TOP_LEFT, BOTTOM_RIGHT, PADDING, EMPTY] = [0, 1, 2, 3, -1, -2];

/** @type {Record<string, (prompts: Prompt[], spec: PromptSpec, geometry: Geometry) => Record<string, Tensor>>} */
const ENCODINGS = { boxes: asBoxes, points: asPoints };

/**
 * Checks that prompts are said to be no more than their encoding carries.
 * @param {PromptSpec} spec Of a manifest.
 */
export function checkClaims(spec) {
  const problem = falseClaim(spec);
  if (problem) throw new Error(`manifest.json says that ${problem}: export the bundle again`);
}

/**
 * @param {PromptSpec} spec
 * @returns {string} What cannot be; empty if all can.
 */
function falseClaim(spec) {
  const [hasRadius, hasStride] = [spec.point_radius ?? null, spec.mask_stride ?? null].map((value) => value !== null);
  const isMore = spec.max_points > 1 || spec.negative_points || spec.points_with_box || spec.masks;
  if (spec.encoding === "boxes" && (isMore || spec.max_points > 0 !== hasRadius)) {
    return "prompts are encoded as boxes, which carry one box, or one point with a radius, and nothing else";
  }
  if (spec.encoding === "points" && hasRadius) return "points are encoded as points, with a radius; expected none";
  if (!spec.max_points && !spec.boxes && !spec.masks) return "prompts are neither points nor boxes nor masks";
  if (spec.masks !== hasStride) return "prompts are masks without their stride, or have a stride without masks";
  const single = spec.single ?? null;
  const isOneOfSeveral = single === null || (spec.candidates > 1 && single >= 0 && single < spec.candidates);
  return isOneOfSeveral ? "" : `mask ${single} of ${spec.candidates} is meant; expected one of several`;
}

/**
 * Makes what the graphs of a model get.
 * @param {Prompt[]} prompts
 * @param {PromptSpec} spec
 * @param {Geometry} geometry
 * @returns {Record<string, Tensor>} Role to tensor (1, K, ...), prompts in their order.
 */
export function encodePrompts(prompts, spec, geometry) {
  const encode = ENCODINGS[spec.encoding];
  if (!encode) {
    const known = Object.keys(ENCODINGS).join('" or "');
    throw new Error(`the bundle takes prompts as "${spec.encoding}", this page gives "${known}": take a newer page`);
  }
  for (const prompt of prompts) {
    const problem = problemOf(prompt, spec);
    if (problem) throw new Error(problem);
  }
  return encode(prompts, spec, geometry);
}

/**
 * @param {Prompt} prompt
 * @param {PromptSpec} spec
 * @returns {string} Why the model does not take it; empty if it does.
 */
function problemOf({ points = [], positive = [], box, mask }, spec) {
  if (!points.length && !box && !mask) return "the prompt is empty; expected a point, a box or a mask";
  if (points.length && spec.max_points < 1) return "this model takes no points; drag a box instead";
  if (points.length > spec.max_points) {
    return `${points.length} points for one region; this model takes ${spec.max_points}: begin another region`;
  }
  if (positive.includes(false) && !spec.negative_points) return "this model takes no points beside a region";
  if (box && !spec.boxes) return "this model takes no boxes; click a point instead";
  if (box && points.length && !spec.points_with_box) return "this model takes a point or a box, not both";
  return mask && !spec.masks ? "this model takes no mask of an earlier answer" : "";
}

/**
 * @param {Prompt[]} prompts
 * @param {PromptSpec} spec
 * @param {Geometry} geometry
 */
function asBoxes(prompts, spec, geometry) {
  const joined = new Float32Array(prompts.length * 4);
  prompts.forEach(({ points = [], box }, place) => {
    joined.set(promptBoxes(points, box ? [box] : [], geometry, spec.point_radius ?? 0), place * 4);
  });
  return { boxes: normalisedBoxes(joined, geometry) };
}

/**
 * @param {Prompt[]} prompts
 * @param {PromptSpec} spec
 * @param {Geometry} geometry
 */
function asPoints(prompts, spec, geometry) {
  const count = prompts.length;
  const slots = spec.max_points + (spec.boxes ? 2 : 1);
  const points = new Float32Array(count * slots * 2);
  const labels = new Float32Array(count * slots).fill(EMPTY);
  prompts.forEach((prompt, place) => fillSlots(prompt, geometry, points, labels, place * slots));
  /** @type {Record<string, Tensor>} */
  const tensors = {
    points: { data: points, shape: [1, count, slots, 2] },
    point_labels: { data: labels, shape: [1, count, slots] },
  };
  return spec.masks ? { ...tensors, ...masksOf(prompts, spec, geometry) } : tensors;
}

/**
 * Points without a box have one padding behind them, as the network was trained; what is left stays empty.
 * @param {Prompt} prompt
 * @param {Geometry} geometry
 * @param {Float32Array} points
 * @param {Float32Array} labels
 * @param {number} slot The first of the prompt.
 */
function fillSlots({ points: asked = [], positive, box }, geometry, points, labels, slot) {
  const [scaleX, scaleY] = scaleXY(geometry);
  asked.forEach((point, place) => {
    checkPoint(point, geometry.originalSize);
    points.set([point[0] * scaleX, point[1] * scaleY], 2 * (slot + place));
    labels[slot + place] = (positive?.[place] ?? true) ? INSIDE : BESIDE;
  });
  const next = slot + asked.length;
  if (box) {
    checkBox(box, geometry.originalSize);
    points.set([box[0] * scaleX, box[1] * scaleY, box[2] * scaleX, box[3] * scaleY], 2 * next);
    labels.set([TOP_LEFT, BOTTOM_RIGHT], next);
  } else if (asked.length) labels[next] = PADDING;
}

/**
 * @param {Prompt[]} prompts
 * @param {PromptSpec} spec
 * @param {Geometry} geometry
 * @returns {Record<string, Tensor>} Zeros for prompts without a mask.
 */
function masksOf(prompts, spec, { paddedSize }) {
  const count = prompts.length;
  const [height, width] = paddedSize.map((side) => Math.floor(side / (spec.mask_stride ?? 1)));
  const data = new Float32Array(count * height * width);
  const given = new Float32Array(count);
  prompts.forEach(({ mask }, place) => {
    if (!mask) return;
    if (mask.length !== height * width) {
      throw new Error(`a mask of ${mask.length} logits; this model takes ${height}x${width} of an earlier answer`);
    }
    data.set(mask, place * height * width);
    given[place] = 1;
  });
  return {
    mask_prompt: { data, shape: [1, count, 1, height, width] },
    has_mask_prompt: { data: given, shape: [1, count] },
  };
}
