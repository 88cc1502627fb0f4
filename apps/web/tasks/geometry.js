/**
 * The three sizes that an image has on its way through the network and back; rapsam/tasks/geometry.py.
 * @module
 */

/**
 * @typedef {[number, number]} Size Height and width in pixels.
 *
 * @typedef {object} Geometry How an image lies in the input of the network: at its top left.
 * @property {Size} paddedSize Input of the network, with padding.
 * @property {Size} contentSize Resized image inside it, without padding.
 * @property {Size} originalSize Image before the resize; results are given at this size.
 *
 * @typedef {object} Tensor
 * @property {Float32Array} data In C order.
 * @property {number[]} shape
 *
 * @typedef {object} Picture An image of eight bits a channel.
 * @property {Uint8Array | Uint8ClampedArray} data R, G, B and whatever channels follow, row by row.
 * @property {number} height
 * @property {number} width
 * @property {number} channels At least 3; the first three count.
 */

/**
 * @param {Geometry} geometry
 * @returns {[number, number]} Factors that turn x and y in the original image into x and y in the network's.
 */
export function scaleXY({ contentSize, originalSize }) {
  return [contentSize[1] / originalSize[1], contentSize[0] / originalSize[0]];
}
