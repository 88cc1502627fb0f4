/**
 * Reads the PNG files of a self-test, value for value: a canvas may convert colours, and browsers that hide who
 * one is change what is read from it.
 * @module
 */

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10];
const EIGHT_BIT_RGB_NOT_INTERLACED = [8, 2, 0, 0, 0];
const CHANNELS = 3;
const MAX_SIDE = 8192;

/**
 * Decodes an image of three channels of eight bits, not interlaced.
 * @param {Uint8Array} bytes
 * @returns {Promise<{data: Uint8Array, height: number, width: number, channels: number}>} R, G, B, row by row.
 */
export async function decodePng(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = bytes.subarray(24, 29);
  if (bytes.length < 45 || !same(bytes.subarray(0, 8), SIGNATURE)) throw new Error("this is no PNG image");
  if (!same(header, EIGHT_BIT_RGB_NOT_INTERLACED)) throw new Error("expected a PNG of 8-bit RGB, not interlaced");
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (!(width && height && width <= MAX_SIDE && height <= MAX_SIDE)) throw new Error(`a PNG of ${width}x${height}`);
  const rows = await unpacked(view, bytes);
  const stride = width * CHANNELS;
  if (rows.length !== height * (stride + 1)) throw new Error("the PNG is damaged: it has other rows than it says");
  const data = new Uint8Array(height * stride);
  for (let row = 0; row < height; row++) {
    const start = row * (stride + 1);
    unfilter(rows[start], rows.subarray(start + 1, start + 1 + stride), data, row * stride, stride);
  }
  return { data, height, width, channels: CHANNELS };
}

/**
 * Joins the pieces of the image's data and decompresses them.
 * @param {DataView} view
 * @param {Uint8Array} bytes
 * @returns {Promise<Uint8Array>}
 */
async function unpacked(view, bytes) {
  const pieces = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (kind === "IDAT") pieces.push(/** @type {BlobPart} */ (bytes.subarray(at + 8, at + 8 + length)));
    at += 12 + length;
  }
  const stream = new Blob(pieces).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Undoes the filter of a row: its bytes are differences to what is left of, above, or both of them.
 * @param {number} filter
 * @param {Uint8Array} row
 * @param {Uint8Array} data Filled up to `at`.
 * @param {number} at
 * @param {number} stride
 */
function unfilter(filter, row, data, at, stride) {
  const expected = EXPECTED[filter];
  if (!expected) throw new Error(`the PNG is damaged: a row has the filter ${filter}`);
  for (let i = 0; i < stride; i++) {
    const left = i >= CHANNELS ? data[at + i - CHANNELS] : 0;
    const up = at >= stride ? data[at + i - stride] : 0;
    const corner = i >= CHANNELS && at >= stride ? data[at + i - stride - CHANNELS] : 0;
    data[at + i] = row[i] + expected(left, up, corner);
  }
}

/** What a byte is thought to be, by the filter of its row. @type {((left: number, up: number, corner: number) => number)[]} */
const EXPECTED = [() => 0, (left) => left, (_, up) => up, (left, up) => (left + up) >> 1, paeth];

/**
 * @param {number} left
 * @param {number} up
 * @param {number} corner
 */
function paeth(left, up, corner) {
  const sum = left + up - corner;
  const [a, b, c] = [Math.abs(sum - left), Math.abs(sum - up), Math.abs(sum - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/**
 * @param {Uint8Array} found
 * @param {number[]} expected
 */
function same(found, expected) {
  return expected.every((value, place) => found[place] === value);
}
