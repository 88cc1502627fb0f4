/**
 * What the panoptic, instance and video tasks share: checked logits, softmax, sigmoid; rapsam/tasks/logits.py.
 * @module
 */

/** @typedef {import("./geometry.js").Tensor} Tensor */

/** Classes at most: the panoptic map holds class + 1000 * instance. */
const MAX_CLASSES = 999;
const f32 = Math.fround;

/**
 * Throws unless the two outputs of a graph fit each other and are finite.
 * @param {Tensor} classLogits (N, K+1).
 * @param {Tensor} maskLogits (N, h, w).
 * @param {number} numThings How many of the K classes are things; they come first.
 */
export function checkLogits(classLogits, maskLogits, numThings) {
  const [queries, columns] = classLogits.shape;
  if (classLogits.shape.length !== 2 || columns < 2 || columns > MAX_CLASSES + 1) {
    throw new Error(
      `class logits have the shape [${classLogits.shape}]; expected (queries, classes + 1) with 1 to ` +
        `${MAX_CLASSES} classes`,
    );
  }
  if (maskLogits.shape.length !== 3 || maskLogits.shape[0] !== queries || maskLogits.shape.slice(1).includes(0)) {
    throw new Error(
      `mask logits have the shape [${maskLogits.shape}]; expected 3 axes, the first of ${queries} queries as ` +
        "in the class logits",
    );
  }
  if (!(numThings >= 0 && numThings < columns)) {
    throw new Error(
      `${numThings} thing classes asked of logits for ${columns - 1} classes; take the labels of the model`,
    );
  }
  checkFinite("class logits", classLogits.data);
  checkFinite("mask logits", maskLogits.data);
}

/**
 * Throws if an output of a graph holds NaN or infinity, as after an fp16 overflow.
 * @param {string} name
 * @param {Float32Array} values
 */
export function checkFinite(name, values) {
  // Nothing but NaN and infinity times 0 is other than 0. Four sums: an addition need not wait for the one before.
  let [first, second, third, fourth] = [0, 0, 0, 0];
  const whole = values.length - (values.length % 4);
  for (let i = 0; i < whole; i += 4) {
    first += values[i] * 0;
    second += values[i + 1] * 0;
    third += values[i + 2] * 0;
    fourth += values[i + 3] * 0;
  }
  for (let i = whole; i < values.length; i++) first += values[i] * 0;
  if (first + second + third + fourth !== 0) {
    const count = values.reduce((before, value) => before + Number(!Number.isFinite(value)), 0);
    throw new Error(
      `the network's ${name} hold ${count} NaN or infinite values; export the bundle at fp32, or take another ` +
        "runtime",
    );
  }
}

/** Frame after frame has as many: they are made once. */
let probabilities = new Float32Array(0);

/**
 * Turns logits into probabilities over the last axis.
 * @param {Tensor} logits (N, K).
 * @returns {Float32Array} Valid until the next call.
 */
export function softmax(logits) {
  const [rows, columns] = logits.shape;
  if (probabilities.length !== rows * columns) probabilities = new Float32Array(rows * columns);
  for (let start = 0; start < rows * columns; start += columns) softmaxOfRow(logits.data, start, start + columns);
  return probabilities;
}

/**
 * @param {Float32Array} logits
 * @param {number} start
 * @param {number} end
 */
function softmaxOfRow(logits, start, end) {
  let highest = -Infinity;
  for (let i = start; i < end; i++) highest = Math.max(highest, logits[i]);
  let sum = 0;
  for (let i = start; i < end; i++) {
    probabilities[i] = Math.exp(f32(logits[i] - highest));
    sum += probabilities[i];
  }
  sum = f32(sum);
  for (let i = start; i < end; i++) probabilities[i] /= sum;
}

/**
 * @param {number} logit
 * @returns {number} Its probability, in float32 and without overflow.
 */
export function sigmoid(logit) {
  const clipped = Math.min(Math.max(logit, -80), 80);
  return f32(1 / f32(1 + f32(Math.exp(-clipped))));
}
