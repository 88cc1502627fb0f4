/**
 * Resizing as Pillow's `Image.resize(..., BILINEAR)` does it: the fit "longest side" of rapsam/tasks/preprocess.py.
 *
 * A triangle as wide as two target pixels, at least two source pixels, weighs the source; across first, then
 * down, each rounded to 8 bits. Weights are whole numbers of 22 bits, so the bytes come out the same everywhere.
 * @module
 */

/** @typedef {import("./geometry.js").Picture} Picture */

const WEIGHT_BITS = 22;
const ONE = 1 << WEIGHT_BITS;
const HALF = 1 << (WEIGHT_BITS - 1);

/**
 * @typedef {object} Kernels What each target pixel of an axis weighs.
 * @property {Int32Array} first First source pixel of each.
 * @property {Int32Array} counts Source pixels of each.
 * @property {number} most The largest count.
 * @property {Int32Array} weights `most` for each target pixel.
 */

/**
 * Resizes the colours of an image into the top left of three planes.
 * @param {Picture} picture
 * @param {[number, number]} size Height and width afterwards.
 * @param {Float32Array} planes R, G and B, one after another.
 * @param {[number, number]} planeSize Height and width of a plane.
 */
export function antialiasedIntoPlanes(picture, [height, width], planes, [planeHeight, planeWidth]) {
  const rows = across(picture, width);
  const stride = 3 * width;
  const down = picture.height === height ? null : kernels(picture.height, height);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    const row = down ? blendedRow(rows, stride, down, y, sums) : rows.subarray(y * stride, (y + 1) * stride);
    for (let channel = 0; channel < 3; channel++) {
      const to = (channel * planeHeight + y) * planeWidth;
      for (let x = 0; x < width; x++) planes[to + x] = row[3 * x + channel];
    }
  }
}

/**
 * @param {Picture} picture
 * @param {number} width
 * @returns {Uint8Array} R, G, B of all rows, this wide.
 */
function across({ data, height, width: before, channels }, width) {
  const found = new Uint8Array(3 * height * width);
  // Where nothing changes Pillow skips the step; one weight of 1 does the same.
  const { first, counts, most, weights } = kernels(before, width);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      let [red, green, blue] = [HALF, HALF, HALF];
      let from = (y * before + first[x]) * channels;
      for (let tap = x * most, end = tap + counts[x]; tap < end; tap++, from += channels) {
        red += weights[tap] * data[from];
        green += weights[tap] * data[from + 1];
        blue += weights[tap] * data[from + 2];
      }
      found[to] = red >> WEIGHT_BITS;
      found[to + 1] = green >> WEIGHT_BITS;
      found[to + 2] = blue >> WEIGHT_BITS;
    }
  }
  return found;
}

/**
 * @param {Uint8Array} rows
 * @param {number} stride Of a row.
 * @param {Kernels} down
 * @param {number} y Row of the target.
 * @param {Int32Array} sums Is overwritten.
 * @returns {Int32Array} `sums`, as values of 8 bits.
 */
function blendedRow(rows, stride, { first, counts, most, weights }, y, sums) {
  sums.fill(HALF);
  for (let tap = 0; tap < counts[y]; tap++) {
    const weight = weights[y * most + tap];
    const from = (first[y] + tap) * stride;
    for (let i = 0; i < stride; i++) sums[i] += weight * rows[from + i];
  }
  for (let i = 0; i < stride; i++) sums[i] >>= WEIGHT_BITS;
  return sums;
}

/**
 * @param {number} source Pixels before, at least 1.
 * @param {number} target Pixels after, at least 1.
 * @returns {Kernels}
 */
function kernels(source, target) {
  const scale = source / target;
  const reach = Math.max(scale, 1);
  const most = 2 * Math.ceil(reach) + 1;
  const [first, counts] = [new Int32Array(target), new Int32Array(target)];
  const weights = new Int32Array(target * most);
  const shares = new Float64Array(most);
  for (let i = 0; i < target; i++) {
    const centre = (i + 0.5) * scale;
    first[i] = Math.max(Math.trunc(centre - reach + 0.5), 0);
    counts[i] = Math.min(Math.trunc(centre + reach + 0.5), source) - first[i];
    let sum = 0;
    for (let tap = 0; tap < counts[i]; tap++) {
      const away = Math.abs((tap + first[i] - centre + 0.5) * (1 / reach));
      shares[tap] = Math.max(1 - away, 0);
      sum += shares[tap];
    }
    for (let tap = 0; tap < counts[i]; tap++) weights[i * most + tap] = Math.trunc(0.5 + (shares[tap] / sum) * ONE);
  }
  return { first, counts, most, weights };
}
