/**
 * Colours of classes, instances and tracks: always the same one for the same index; rapsam/tasks/palette.py.
 * @module
 */

/** @typedef {[number, number, number]} Colour R, G, B, 0..255. */

/** @type {Colour} */
export const WHITE = [255, 255, 255];
/** @type {Colour} */
export const DARK = [24, 24, 28];
const GOLDEN_RATIO = 0.6180339887;
const TONES = [
  [0.78, 0.97],
  [0.62, 0.82],
  [0.92, 0.88],
  [0.5, 1.0],
];

/**
 * @param {number} classIndex From 0.
 * @param {number} instance From 0; 0 for stuff.
 * @returns {Colour} Further instances of a class walk away in hue and tone.
 */
export function classColour(classIndex, instance = 0) {
  const hue = (0.02 + classIndex * GOLDEN_RATIO + instance * 0.13) % 1.0;
  const [saturation, value] = TONES[(classIndex + instance) % TONES.length];
  const [red, green, blue] = hsvToRgb(hue, saturation, value);
  return [roundHalfEven(red * 255), roundHalfEven(green * 255), roundHalfEven(blue * 255)];
}

/**
 * @param {Colour} colour
 * @returns {Colour} Mixed with white, for contours that stand out between two tinted masks.
 */
export function lightened([red, green, blue]) {
  return [(red + WHITE[0]) >> 1, (green + WHITE[1]) >> 1, (blue + WHITE[2]) >> 1];
}

/**
 * @param {Colour} background
 * @returns {Colour} Dark text for a light background and white text for a dark one (Rec. 709 luma).
 */
export function textColour([red, green, blue]) {
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 140 ? DARK : WHITE;
}

/**
 * @param {number} value
 * @returns {number} The nearest whole number, of two equally near ones the even one, as Python rounds.
 */
export function roundHalfEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/**
 * @param {number} hue
 * @param {number} saturation
 * @param {number} value
 * @returns {[number, number, number]} In the order of operations of Python's colorsys.
 */
function hsvToRgb(hue, saturation, value) {
  const sector = Math.trunc(hue * 6);
  const rest = hue * 6 - sector;
  const low = value * (1 - saturation);
  const falling = value * (1 - saturation * rest);
  const rising = value * (1 - saturation * (1 - rest));
  /** @type {[number, number, number][]} */
  const sectors = [
    [value, rising, low],
    [falling, value, low],
    [low, value, rising],
    [low, falling, value],
    [rising, low, value],
    [value, low, falling],
  ];
  return sectors[sector % 6];
}
