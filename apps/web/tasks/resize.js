/**
 * Bilinear resizing with half-pixel centres and no antialiasing; rapsam/tasks/resize.py.
 *
 * Output pixel i looks at source position (i + 0.5) * source / target - 0.5, clamped to the image, and blends
 * the two source pixels around it. All steps are rounded to float32, as NumPy's are.
 * @module
 */

/** @typedef {import("./geometry.js").Picture} Picture */

const f32 = Math.fround;

/**
 * @typedef {object} AxisTaps The two source pixels that each output pixel of one axis blends.
 * @property {Int32Array} lower
 * @property {Int32Array} upper Equal to `lower` at the far border.
 * @property {Float32Array} weight Share of the second, 0..1; the first has the rest.
 */

/**
 * @typedef {object} Space What frames of one size share; no result lies in it.
 * @property {string} sizes Before and afterwards.
 * @property {AxisTaps} down
 * @property {BlendedRows} rows
 */

/** @type {Space | null} */
let kept = null;

/**
 * @param {number} source Pixels before, at least 1.
 * @param {number} target Pixels after, at least 1.
 * @returns {AxisTaps}
 */
export function axisTaps(source, target) {
  const lower = new Int32Array(target);
  const upper = new Int32Array(target);
  const weight = new Float32Array(target);
  const scale = f32(source / target);
  for (let i = 0; i < target; i++) {
    const centre = f32(f32(f32(i + 0.5) * scale) - 0.5);
    const position = Math.min(Math.max(centre, 0), source - 1);
    lower[i] = Math.trunc(position);
    upper[i] = Math.min(lower[i] + 1, source - 1);
    weight[i] = position - lower[i];
  }
  return { lower, upper, weight };
}

/**
 * Resizes the colours of an image into the top left of three planes, rounded half up to whole numbers.
 * @param {Picture} picture
 * @param {[number, number]} size Height and width afterwards.
 * @param {Float32Array} planes R, G and B, one after another.
 * @param {[number, number]} planeSize Height and width of a plane.
 */
export function resizeIntoPlanes(picture, size, planes, [planeHeight, planeWidth]) {
  const [height, width] = size;
  const { down, rows } = spaceFor(picture, size);
  rows.forget();
  const plane = planeHeight * planeWidth;
  for (let y = 0; y < height; y++) {
    const top = rows.of(picture, down.lower[y]);
    const bottom = rows.of(picture, down.upper[y]);
    const share = down.weight[y];
    for (let x = 0, from = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++, from++) {
        const change = f32(f32(bottom[from] - top[from]) * share);
        const value = f32(f32(top[from] + change) + 0.5);
        planes[channel * plane + y * planeWidth + x] = Math.trunc(value);
      }
    }
  }
}

/**
 * @param {Picture} picture
 * @param {[number, number]} size
 * @returns {Space}
 */
function spaceFor({ height, width }, size) {
  const sizes = String([height, width, size]);
  if (kept?.sizes !== sizes) {
    kept = { sizes, down: axisTaps(height, size[0]), rows: new BlendedRows(axisTaps(width, size[1])) };
  }
  return kept;
}

/** Rows of an image, blended along their axis. Neighbouring output rows share them, so two are kept. */
class BlendedRows {
  /** @param {AxisTaps} across */
  constructor(across) {
    this.across = across;
    this.kept = [0, 1].map(() => ({ row: -1, values: new Float32Array(3 * across.lower.length) }));
  }

  /** Another picture follows. */
  forget() {
    for (const each of this.kept) each.row = -1;
  }

  /**
   * @param {Picture} picture
   * @param {number} row
   * @returns {Float32Array} Valid until two other rows have been asked for.
   */
  of(picture, row) {
    const found = this.kept.find((each) => each.row === row);
    if (found) return found.values;
    const place = this.kept[0].row < this.kept[1].row ? this.kept[0] : this.kept[1];
    place.row = row;
    this.#blend(picture, row, place.values);
    return place.values;
  }

  /**
   * @param {Picture} picture
   * @param {number} row
   * @param {Float32Array} values
   */
  #blend({ data, width, channels }, row, values) {
    const { lower, upper, weight } = this.across;
    const start = row * width * channels;
    for (let x = 0, to = 0; x < lower.length; x++) {
      const left = start + lower[x] * channels;
      const right = start + upper[x] * channels;
      for (let channel = 0; channel < 3; channel++, to++) {
        const change = f32((data[right + channel] - data[left + channel]) * weight[x]);
        values[to] = data[left + channel] + change;
      }
    }
  }
}
