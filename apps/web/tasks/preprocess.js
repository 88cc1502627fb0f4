/**
 * From an image to the input of the network; rapsam/tasks/preprocess.py.
 * @module
 */

import { antialiasedIntoPlanes } from "./antialiased.js";
import { resizeIntoPlanes } from "./resize.js";

/**
 * @typedef {import("./geometry.js").Geometry} Geometry
 * @typedef {import("./geometry.js").Picture} Picture
 * @typedef {import("./geometry.js").Size} Size
 * @typedef {import("./geometry.js").Tensor} Tensor
 *
 * @typedef {object} PreprocessSpec Of a manifest.
 * @property {Size} size
 * @property {string} layout
 * @property {string} dtype
 * @property {string} colour_order
 * @property {[number, number]} value_range
 * @property {string} fit
 * @property {string} resize
 * @property {[number, number, number]} pad_colour
 */

/** What this file does; a manifest that asks for something else is refused. */
const DONE_HERE = { layout: "NCHW", dtype: "float32", colour_order: "RGB" };

/**
 * How images meet the input, and the interpolation that each fit has.
 * @type {Record<string, {resize: string, intoPlanes: typeof resizeIntoPlanes}>}
 */
const FITS = {
  letterbox: {
    resize: "bilinear, half-pixel centres, no antialiasing, rounded to 8 bits",
    intoPlanes: resizeIntoPlanes,
  },
  "longest side": {
    resize: "bilinear, half-pixel centres, antialiased when shrinking, across then down, each rounded to 8 bits",
    intoPlanes: antialiasedIntoPlanes,
  },
};

/**
 * Fits an image into the input that a manifest describes.
 * @param {Picture} picture
 * @param {PreprocessSpec} spec
 * @param {Float32Array} [memory] Of an input that nobody needs any more.
 * @returns {{pixels: Tensor, geometry: Geometry}}
 */
export function fitted(picture, spec, memory) {
  for (const [name, expected] of Object.entries(DONE_HERE)) {
    check(name, spec[/** @type {keyof PreprocessSpec} */ (name)], [expected]);
  }
  check("fit", spec.fit, Object.keys(FITS));
  check("resize", spec.resize, [FITS[spec.fit].resize]);
  return letterbox(picture, spec.size, spec.pad_colour, spec.fit, memory);
}

/**
 * @param {string} name
 * @param {unknown} found
 * @param {string[]} expected
 */
function check(name, found, expected) {
  if (expected.some((each) => each === found)) return;
  const known = expected.join('" or "');
  throw new Error(`the bundle asks for the ${name} "${found}", this page does "${known}": take a newer page`);
}

/**
 * Fits an image into the fixed input of a graph.
 * @param {Picture} picture
 * @param {Size} size Height and width of the graph's input.
 * @param {[number, number, number]} padColour R, G, B to the right and below, 0..255.
 * @param {string} [fit] Key of `FITS`.
 * @param {Float32Array} [memory] Of another input of this size.
 * @returns {{pixels: Tensor, geometry: Geometry}} (1, 3, H, W), not normalised, and the way back.
 */
export function letterbox(picture, size, padColour, fit = "letterbox", memory) {
  const [height, width] = size;
  /** @type {Size} */
  const originalSize = [picture.height, picture.width];
  const scale = Math.min(height / picture.height, width / picture.width);
  /** @type {Size} */
  const contentSize = [scaled(picture.height, scale), scaled(picture.width, scale)];
  const data = memory ?? new Float32Array(3 * height * width);
  for (let channel = 0; channel < 3; channel++) {
    data.fill(padColour[channel], channel * height * width, (channel + 1) * height * width);
  }
  FITS[fit].intoPlanes(picture, contentSize, data, size);
  const geometry = { paddedSize: size, contentSize, originalSize };
  return { pixels: { data, shape: [1, 3, height, width] }, geometry };
}

/**
 * @param {number} side
 * @param {number} scale
 */
function scaled(side, scale) {
  return Math.max(1, Math.trunc(side * scale + 0.5));
}
