/**
 * Painting masks, contours and prompts into an image, pixel by pixel; rapsam/tasks/overlay.py.
 * @module
 */

import { WHITE, lightened, roundHalfEven } from "./palette.js";

/**
 * @typedef {import("./geometry.js").Picture} Picture
 * @typedef {import("./palette.js").Colour} Colour
 *
 * @typedef {object} Layer One mask to paint: the pixels of a map that have a value.
 * @property {Uint8Array | Int32Array} map (h, w) of the image's size.
 * @property {number} value
 * @property {Colour} colour
 *
 * @typedef {{top: number, bottom: number, left: number, right: number}} Extent Ends exclusive.
 */

const OPACITY = 0.45;
const f32 = Math.fround;

/** What each value of red, green and blue becomes under the colour of a mask. */
const TINTS = [0, 1, 2].map(() => new Uint8Array(256));
/** Memory for the pixels that no layer has taken, and for a mask while its edge is looked for. */
const spaces = { free: new Uint8Array(0), mask: new Uint8Array(0), inner: new Uint8Array(0), next: new Uint8Array(0) };

/**
 * @param {keyof typeof spaces} name
 * @param {number} length
 * @returns {Uint8Array} What lies in it is left over.
 */
function space(name, length) {
  if (spaces[name].length < length) spaces[name] = new Uint8Array(length);
  return spaces[name].subarray(0, length);
}

/**
 * @param {number} height
 * @param {number} width
 * @returns {number} A contour width in pixels that suits the image's size.
 */
export function lineWidth(height, width) {
  return Math.max(1, roundHalfEven(Math.max(height, width) / 500));
}

/**
 * Tints the insides of masks and draws their contours, in place; other pixels stay as they are. Where masks
 * overlap the topmost gives the tint.
 * @param {Picture} canvas
 * @param {Layer[]} layers From the bottom to the top.
 * @param {number} width Of the contours, in pixels.
 */
export function paintMasks(canvas, layers, width) {
  const free = space("free", canvas.height * canvas.width).fill(1);
  for (const layer of [...layers].reverse()) tint(canvas, layer, free);
  for (const layer of layers) outline(canvas, layer, width);
}

/**
 * @param {Picture} canvas
 * @param {Layer} layer
 * @param {Uint8Array} free Pixels that no layer above has; those of this one are taken.
 */
function tint({ data, channels }, { map, value, colour }, free) {
  colour.forEach((part, channel) => fillTint(TINTS[channel], part));
  const [reds, greens, blues] = TINTS;
  for (let i = 0, at = 0; i < free.length; i++, at += channels) {
    if (map[i] !== value || !free[i]) continue;
    free[i] = 0;
    data[at] = reds[data[at]];
    data[at + 1] = greens[data[at + 1]];
    data[at + 2] = blues[data[at + 2]];
  }
}

/**
 * @param {Uint8Array} table Gets what each of the 256 values becomes.
 * @param {number} part Of a colour.
 */
function fillTint(table, part) {
  const ink = f32(part * f32(OPACITY));
  for (let before = 0; before < table.length; before++) {
    table[before] = f32(f32(f32(before * f32(1 - OPACITY)) + ink) + 0.5);
  }
}

/**
 * @param {Picture} canvas
 * @param {Layer} layer
 * @param {number} width
 */
function outline(canvas, layer, width) {
  const around = extentOf(canvas, layer);
  if (around === null) return;
  const { top, bottom, left, right } = around;
  const across = right - left;
  const size = (bottom - top) * across;
  const mask = space("mask", size);
  for (let y = top, i = 0; y < bottom; y++) {
    for (let x = left; x < right; x++, i++) mask[i] = Number(layer.map[y * canvas.width + x] === layer.value);
  }
  let [inner, next] = [space("inner", size), space("next", size)];
  inner.set(mask);
  for (let step = 0; step < width; step++) {
    erode(inner, next, bottom - top, across);
    [inner, next] = [next, inner];
  }
  const colour = lightened(layer.colour);
  for (let y = top, i = 0; y < bottom; y++) {
    for (let x = left; x < right; x++, i++) {
      if (mask[i] && !inner[i]) canvas.data.set(colour, (y * canvas.width + x) * canvas.channels);
    }
  }
}

/**
 * @param {Picture} canvas
 * @param {Layer} layer
 * @returns {Extent | null} The rectangle of a mask and one pixel around it; null for an empty mask.
 */
function extentOf({ height, width }, { map, value }) {
  let [top, bottom, left, right] = [height, 0, width, 0];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (map[i] !== value) continue;
      if (y < top) top = y;
      if (x < left) left = x;
      if (x >= right) right = x + 1;
      bottom = y + 1;
    }
  }
  if (bottom === 0) return null;
  return {
    top: Math.max(top - 1, 0),
    bottom: Math.min(bottom + 1, height),
    left: Math.max(left - 1, 0),
    right: Math.min(right + 1, width),
  };
}

/**
 * Leaves the pixels out that have a neighbour outside the mask; the frame is no outside.
 * @param {Uint8Array} mask (height, width).
 * @param {Uint8Array} inner Is overwritten.
 * @param {number} height
 * @param {number} width
 */
function erode(mask, inner, height, width) {
  inner.set(mask);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const isEdge =
        (y > 0 && !mask[i - width]) ||
        (y < height - 1 && !mask[i + width]) ||
        (x > 0 && !mask[i - 1]) ||
        (x < width - 1 && !mask[i + 1]);
      if (isEdge) inner[i] = 0;
    }
  }
}

/**
 * Draws a smooth disc with a white rim, or a hollow one in white with a rim, in place.
 * @param {Picture} canvas
 * @param {[number, number]} point x and y in pixels.
 * @param {number} radius
 * @param {Colour} colour
 * @param {boolean} isHollow
 */
export function paintPoint(canvas, [x, y], radius, colour, isHollow = false) {
  const [rim, middle] = isHollow ? [colour, WHITE] : [WHITE, colour];
  const reach = Math.trunc(radius) + 3;
  const [middleX, middleY] = [Math.trunc(x), Math.trunc(y)];
  for (let row = Math.max(middleY - reach, 0); row < Math.min(middleY + reach + 1, canvas.height); row++) {
    for (let column = Math.max(middleX - reach, 0); column < Math.min(middleX + reach + 1, canvas.width); column++) {
      const distance = Math.hypot(row - y, column - x);
      const at = (row * canvas.width + column) * canvas.channels;
      blend(canvas.data, at, within(radius + 0.5 - distance), rim);
      blend(canvas.data, at, within(radius * 0.7 + 0.5 - distance), middle);
    }
  }
}

/**
 * Draws a rectangle with a white rim, in place; the line lies inside the box.
 * @param {Picture} canvas
 * @param {[number, number, number, number]} box x1, y1, x2, y2.
 * @param {number} width
 * @param {Colour} colour
 */
export function paintBox(canvas, box, width, colour) {
  const [x1, y1, x2, y2] = box.map((side) => roundHalfEven(f32(side)));
  frame(canvas, [x1, y1, x2, y2], width + 2, WHITE);
  frame(canvas, [x1 + 1, y1 + 1, x2 - 1, y2 - 1], width, colour);
}

/**
 * @param {Picture} canvas
 * @param {[number, number, number, number]} box
 * @param {number} line
 * @param {Colour} paint
 */
function frame(canvas, [x1, y1, x2, y2], line, paint) {
  for (let y = y1; y < Math.min(y2, canvas.height); y++) {
    for (let x = x1; x < Math.min(x2, canvas.width); x++) {
      const isLine = y < y1 + line || y >= y2 - line || x < x1 + line || x >= x2 - line;
      if (isLine) canvas.data.set(paint, (y * canvas.width + x) * canvas.channels);
    }
  }
}

/**
 * @param {Uint8Array | Uint8ClampedArray} data
 * @param {number} at
 * @param {number} share
 * @param {Colour} colour
 */
function blend(data, at, share, colour) {
  for (let channel = 0; channel < 3; channel++) {
    data[at + channel] = Math.trunc(data[at + channel] * (1 - share) + colour[channel] * share + 0.5);
  }
}

/** @param {number} value */
function within(value) {
  return Math.min(Math.max(value, 0), 1);
}
