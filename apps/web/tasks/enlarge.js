/**
 * The way of mask logits to the original image's size, tile by tile; `original_tiles` of rapsam/tasks/resize.py.
 *
 * Logits are enlarged to the padded size, the padding is cut off, and the rest resized to the original size.
 * Each step is linear in every axis, so the three are one set of weights per axis.
 * @module
 */

import { axisTaps } from "./resize.js";

/**
 * @typedef {import("./geometry.js").Geometry} Geometry
 * @typedef {import("./geometry.js").Tensor} Tensor
 *
 * @typedef {object} AxisWeights What the pixels of one axis of the original image are blended from.
 * @property {Int32Array} first First source pixel of each; `count` of them lie within the source.
 * @property {number} count Weights of each.
 * @property {Float32Array} weights `count` for each pixel; 0 where fewer are needed.
 *
 * @typedef {object} Tile A rectangle of the original image, and the logits that it reads; ends exclusive.
 * @property {number} top
 * @property {number} bottom
 * @property {number} left
 * @property {number} right
 * @property {number} sourceTop
 * @property {number} sourceBottom
 * @property {number} sourceLeft
 * @property {number} sourceRight
 */

const TILE_SIDE = 32;
const f32 = Math.fround;

/** What was asked for last: all frames of a video have the same sizes. @type {{sizes: string, enlarger: Enlarger} | null} */
let kept = null;

/**
 * @param {number[]} source Height and width of the mask logits.
 * @param {Geometry} geometry
 * @returns {Enlarger} The same one for the same sizes; its `values` are those of whoever enlarged last.
 */
export function enlargerFor([height, width], geometry) {
  const { paddedSize, contentSize, originalSize } = geometry;
  const sizes = [height, width, paddedSize, contentSize, originalSize].join();
  if (kept?.sizes !== sizes) kept = { sizes, enlarger: new Enlarger([height, width], geometry) };
  return kept.enlarger;
}

/** Enlarges mask logits of one size for images of one geometry. */
export class Enlarger {
  /**
   * @param {[number, number]} source Height and width of the mask logits, at any stride of the padded input.
   * @param {Geometry} geometry
   */
  constructor(source, geometry) {
    const { paddedSize, contentSize, originalSize } = geometry;
    this.source = source;
    this.size = originalSize;
    this.rows = axisWeights(source[0], paddedSize[0], contentSize[0], originalSize[0]);
    this.columns = axisWeights(source[1], paddedSize[1], contentSize[1], originalSize[1]);
    /** @type {Tile[]} Cover the original image once, row by row. */
    this.tiles = [];
    for (const [top, bottom, sourceTop, sourceBottom] of pieces(this.rows, originalSize[0])) {
      for (const [left, right, sourceLeft, sourceRight] of pieces(this.columns, originalSize[1])) {
        this.tiles.push({ top, bottom, left, right, sourceTop, sourceBottom, sourceLeft, sourceRight });
      }
    }
    this.between = new Float32Array(source[0] * TILE_SIDE);
    /** Values of the tile that was enlarged last, row by row. */
    this.values = new Float32Array(TILE_SIDE * TILE_SIDE);
  }

  /**
   * Enlarges a tile into `values`.
   * @param {Float32Array} logits
   * @param {number} offset Of the map in `logits`.
   * @param {Tile} tile
   */
  enlarge(logits, offset, tile) {
    const { columns, rows, between, values } = this;
    const width = tile.right - tile.left;
    for (let y = tile.sourceTop, to = 0; y < tile.sourceBottom; y++, to += width) {
      blendAlong(logits, offset + y * this.source[1], columns, tile.left, between, to, width);
    }
    for (let y = tile.top, to = 0; y < tile.bottom; y++, to += width) {
      blendAcross(between, (rows.first[y] - tile.sourceTop) * width, rows, y, values, to, width);
    }
  }
}

/**
 * @param {Float32Array} logits
 * @param {number} offset Of the map in `logits`.
 * @param {number} width Of the map.
 * @param {Tile} tile
 * @returns {boolean | null} Whether all logits of a tile are above 0, or none; null where some are. An enlarged
 *   logit is a mean of these with no negative weight, so where all agree it does too.
 */
export function agreement(logits, offset, width, tile) {
  const first = logits[offset + tile.sourceTop * width + tile.sourceLeft] > 0;
  for (let y = tile.sourceTop; y < tile.sourceBottom; y++) {
    for (let x = tile.sourceLeft; x < tile.sourceRight; x++) {
      if (logits[offset + y * width + x] > 0 !== first) return null;
    }
  }
  return first;
}

/**
 * Blends neighbours of a row.
 * @param {Float32Array} source
 * @param {number} from Place of the row.
 * @param {AxisWeights} axis
 * @param {number} first The first pixel of the axis to make.
 * @param {Float32Array} target
 * @param {number} to
 * @param {number} width Pixels to make.
 */
function blendAlong(source, from, { first: places, count, weights }, first, target, to, width) {
  for (let x = 0; x < width; x++) {
    const place = from + places[first + x];
    const at = (first + x) * count;
    let sum = weights[at] * source[place];
    for (let tap = 1; tap < count; tap++) sum += weights[at + tap] * source[place + tap];
    target[to + x] = sum;
  }
}

/**
 * Blends rows that lie one after another into one.
 * @param {Float32Array} source
 * @param {number} from Place of the first row.
 * @param {AxisWeights} axis
 * @param {number} pixel Of the axis.
 * @param {Float32Array} target
 * @param {number} to
 * @param {number} width Of a row.
 */
function blendAcross(source, from, { count, weights }, pixel, target, to, width) {
  const at = pixel * count;
  if (count === 2) {
    const top = weights[at];
    const bottom = weights[at + 1];
    for (let x = 0; x < width; x++) target[to + x] = top * source[from + x] + bottom * source[from + width + x];
    return;
  }
  for (let x = 0; x < width; x++) {
    let sum = 0;
    for (let tap = 0; tap < count; tap++) sum += weights[at + tap] * source[from + tap * width + x];
    target[to + x] = sum;
  }
}

/**
 * @param {Tensor} maskLogits (N, h, w).
 * @param {Geometry} geometry
 * @returns {Tensor} (N, h0, w0).
 */
export function toOriginal(maskLogits, geometry) {
  const [count, height, width] = maskLogits.shape;
  const enlarger = enlargerFor([height, width], geometry);
  const [rows, columns] = geometry.originalSize;
  const data = new Float32Array(count * rows * columns);
  for (const tile of enlarger.tiles) {
    const across = tile.right - tile.left;
    for (let map = 0; map < count; map++) {
      enlarger.enlarge(maskLogits.data, map * height * width, tile);
      for (let y = tile.top; y < tile.bottom; y++) {
        const from = (y - tile.top) * across;
        data.set(enlarger.values.subarray(from, from + across), (map * rows + y) * columns + tile.left);
      }
    }
  }
  return { data, shape: [count, rows, columns] };
}

/**
 * @param {number} source
 * @param {number} padded
 * @param {number} content
 * @param {number} original
 * @returns {AxisWeights}
 */
function axisWeights(source, padded, content, original) {
  const outer = axisTaps(content, original);
  const inner = axisTaps(source, padded);
  const first = new Int32Array(original);
  const row = new Float32Array(source);
  /** @type {number[][]} */
  const needed = [];
  for (let i = 0; i < original; i++) {
    const [from, to] = [inner.lower[outer.lower[i]], inner.upper[outer.upper[i]] + 1];
    row.fill(0, from, to);
    const [nearer, farther] = sharesOf(outer, i);
    addShares(row, inner, outer.lower[i], nearer);
    if (farther > 0) addShares(row, inner, outer.upper[i], farther);
    const found = [...row.subarray(from, to)];
    first[i] = from + found.findIndex((weight) => weight !== 0);
    needed.push(found.slice(first[i] - from, found.findLastIndex((weight) => weight !== 0) + 1));
  }
  const count = Math.max(...new Set(needed.map((weights) => weights.length)));
  const weights = new Float32Array(original * count);
  needed.forEach((found, i) => {
    const start = Math.min(first[i], source - count);
    weights.set(found, i * count + first[i] - start);
    first[i] = start;
  });
  return { first, count, weights };
}

/**
 * @param {import("./resize.js").AxisTaps} taps
 * @param {number} i
 * @returns {[number, number]} Shares of the first and the second pixel; at the far border the first has all.
 */
function sharesOf(taps, i) {
  const second = taps.weight[i];
  const rest = f32(1 - second);
  return taps.lower[i] === taps.upper[i] ? [f32(rest + second), 0] : [rest, second];
}

/**
 * @param {Float32Array} row Weights of all source pixels.
 * @param {import("./resize.js").AxisTaps} inner
 * @param {number} place Of a pixel in the padded input.
 * @param {number} share
 */
function addShares(row, inner, place, share) {
  const [first, second] = sharesOf(inner, place);
  row[inner.lower[place]] += f32(share * first);
  if (second > 0) row[inner.upper[place]] += f32(share * second);
}

/**
 * @param {AxisWeights} axis
 * @param {number} original
 * @returns {[number, number, number, number][]} Start and end of pieces, in the original and in the source.
 */
function pieces(axis, original) {
  /** @type {[number, number, number, number][]} */
  const found = [];
  for (let start = 0; start < original; start += TILE_SIDE) {
    const end = Math.min(start + TILE_SIDE, original);
    found.push([start, end, axis.first[start], axis.first[end - 1] + axis.count]);
  }
  return found;
}
