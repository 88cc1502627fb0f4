/**
 * From prompts in pixels of a photograph to the tensors that the graphs of a model get;
 * rapsam/tasks/prompt_encoding.py and prompt_set.py, for prompts that are one point or one box.
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
 * @typedef {object} Prompt What asks for one region: a point in it, or a box around it.
 * @property {Point} [point]
 * @property {Box} [box]
 *
 * @typedef {object} PromptSpec Of a manifest: what the model takes, and what it answers.
 * @property {string} encoding
 * @property {number} max_points
 * @property {boolean} boxes
 * @property {boolean} masks
 * @property {number} candidates
 * @property {number | null} point_radius
 * @property {number | null} [single]
 * @property {string} [choice]
 * @property {number | null} [mask_stride]
 */

/** Labels of slots. */
const [INSIDE, TOP_LEFT, BOTTOM_RIGHT, PADDING, EMPTY] = [1, 2, 3, -1, -2];

/** @type {Record<string, (prompts: Prompt[], spec: PromptSpec, geometry: Geometry) => Record<string, Tensor>>} */
const ENCODINGS = { boxes: asBoxes, points: asPoints };

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
  for (const { point, box } of prompts) {
    if (point && spec.max_points < 1) throw new Error("this model takes no points; drag a box instead");
    if (box && !spec.boxes) throw new Error("this model takes no boxes; click a point instead");
  }
  return encode(prompts, spec, geometry);
}

/**
 * @param {Prompt[]} prompts
 * @param {PromptSpec} spec
 * @param {Geometry} geometry
 */
function asBoxes(prompts, spec, geometry) {
  const joined = new Float32Array(prompts.length * 4);
  prompts.forEach(({ point, box }, place) => {
    joined.set(promptBoxes(point ? [point] : [], box ? [box] : [], geometry, spec.point_radius ?? 0), place * 4);
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
  return spec.masks ? { ...tensors, ...withoutMasks(count, spec, geometry) } : tensors;
}

/**
 * A point has one padding behind it, as the network was trained; what is left stays empty.
 * @param {Prompt} prompt
 * @param {Geometry} geometry
 * @param {Float32Array} points
 * @param {Float32Array} labels
 * @param {number} slot The first of the prompt.
 */
function fillSlots({ point, box }, geometry, points, labels, slot) {
  const [scaleX, scaleY] = scaleXY(geometry);
  if (point) {
    checkPoint(point, geometry.originalSize);
    points.set([point[0] * scaleX, point[1] * scaleY], 2 * slot);
    labels.set([INSIDE, PADDING], slot);
  } else if (box) {
    checkBox(box, geometry.originalSize);
    points.set([box[0] * scaleX, box[1] * scaleY, box[2] * scaleX, box[3] * scaleY], 2 * slot);
    labels.set([TOP_LEFT, BOTTOM_RIGHT], slot);
  }
}

/**
 * @param {number} count
 * @param {PromptSpec} spec
 * @param {Geometry} geometry
 * @returns {Record<string, Tensor>}
 */
function withoutMasks(count, spec, { paddedSize }) {
  const [height, width] = paddedSize.map((side) => Math.floor(side / (spec.mask_stride ?? 1)));
  return {
    mask_prompt: { data: new Float32Array(count * height * width), shape: [1, count, 1, height, width] },
    has_mask_prompt: { data: new Float32Array(count), shape: [1, count] },
  };
}
