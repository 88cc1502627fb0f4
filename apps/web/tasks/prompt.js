/**
 * Geometry of prompts: from clicks and boxes on a photograph to boxes, and from mask logits to masks on it;
 * rapsam/tasks/prompt.py.
 * @module
 */

import { agreement, enlargerFor } from "./enlarge.js";
import { scaleXY } from "./geometry.js";
import { checkFinite } from "./logits.js";

/**
 * @typedef {import("./geometry.js").Geometry} Geometry
 * @typedef {import("./geometry.js").Size} Size
 * @typedef {import("./geometry.js").Tensor} Tensor
 *
 * @typedef {[number, number]} Point x and y in pixels of the original image.
 * @typedef {[number, number, number, number]} Box x1, y1, x2, y2 in pixels of the original image.
 */

const f32 = Math.fround;

/**
 * Checks prompts and brings them to the network's image. Near the border a box reaches outside it, and must.
 * @param {Point[]} points
 * @param {Box[]} boxes
 * @param {Geometry} geometry
 * @param {number} pointRadius In pixels of the network's image.
 * @returns {Float32Array} (K, 4) in pixels of the resized, unpadded image: points first, then boxes.
 */
export function promptBoxes(points, boxes, geometry, pointRadius) {
  const [scaleX, scaleY] = scaleXY(geometry);
  const found = new Float32Array(4 * (points.length + boxes.length));
  points.forEach((point, place) => {
    checkPoint(point, geometry.originalSize);
    const x = f32(point[0] * scaleX);
    const y = f32(point[1] * scaleY);
    const radius = f32(pointRadius);
    found.set([x - radius, y - radius, x + radius, y + radius], 4 * place);
  });
  boxes.forEach((box, place) => {
    checkBox(box, geometry.originalSize);
    const scaled = [box[0] * scaleX, box[1] * scaleY, box[2] * scaleX, box[3] * scaleY];
    found.set(scaled, 4 * (points.length + place));
  });
  return found;
}

/**
 * @param {Float32Array} boxes (K, 4) in pixels of the resized, unpadded image.
 * @param {Geometry} geometry
 * @returns {Tensor} (1, K, 4) as fractions of the unpadded image's width and height.
 */
export function normalisedBoxes(boxes, geometry) {
  const [height, width] = geometry.contentSize;
  const data = boxes.map((value, place) => value / (place % 2 ? height : width));
  return { data, shape: [1, boxes.length / 4, 4] };
}

/**
 * Cuts one mask per prompt out of the mask logits.
 * @param {Tensor} maskLogits (K, h, w) at any stride of the padded input.
 * @param {Geometry} geometry
 * @returns {Uint8Array[]} K masks (h0, w0): 1 where the enlarged logit is above 0.
 */
export function interactiveMasks(maskLogits, geometry) {
  const [count, height, width] = maskLogits.shape;
  if (maskLogits.shape.length !== 3 || maskLogits.shape.includes(0)) {
    throw new Error(`mask logits have the shape [${maskLogits.shape}]; expected (prompts, h, w)`);
  }
  checkFinite("mask logits", maskLogits.data);
  const enlarger = enlargerFor([height, width], geometry);
  const [rows, columns] = geometry.originalSize;
  return Array.from({ length: count }, (_, map) => {
    const mask = new Uint8Array(rows * columns);
    for (const tile of enlarger.tiles) cutTile(maskLogits.data, map * height * width, enlarger, tile, mask);
    return mask;
  });
}

/**
 * @param {Float32Array} logits
 * @param {number} offset
 * @param {import("./enlarge.js").Enlarger} enlarger
 * @param {import("./enlarge.js").Tile} tile
 * @param {Uint8Array} mask
 */
function cutTile(logits, offset, enlarger, tile, mask) {
  const columns = enlarger.size[1];
  const across = tile.right - tile.left;
  const agreed = agreement(logits, offset, enlarger.source[1], tile);
  if (agreed === null) enlarger.enlarge(logits, offset, tile);
  for (let y = tile.top, i = 0; y < tile.bottom; y++) {
    for (let place = y * columns + tile.left, end = place + across; place < end; place++, i++) {
      mask[place] = Number(agreed ?? enlarger.values[i] > 0);
    }
  }
}

/**
 * @param {Point} point
 * @param {Size} size
 */
export function checkPoint([x, y], [height, width]) {
  if (!(x >= 0 && x < width && y >= 0 && y < height)) {
    throw new Error(`point ${x},${y} is outside the image; expected 0 <= x < ${width} and 0 <= y < ${height}`);
  }
}

/**
 * @param {Box} box
 * @param {Size} size
 */
export function checkBox(box, [height, width]) {
  const [x1, y1, x2, y2] = box;
  if (!(x1 < x2 && y1 < y2)) throw new Error(`box ${box} is empty; expected x1 < x2 and y1 < y2`);
  if (x1 < 0 || y1 < 0 || x2 > width || y2 > height) {
    throw new Error(`box ${box} leaves the image; expected x within 0..${width} and y within 0..${height}`);
  }
}
