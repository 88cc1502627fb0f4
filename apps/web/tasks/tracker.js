/**
 * Near-online association: the queries of frame after frame in one order; rapsam/tasks/tracker.py.
 * @module
 */

import { cheapestAssignment } from "./assignment.js";
import { checkFinite, checkLogits } from "./logits.js";

/**
 * @typedef {import("./geometry.js").Tensor} Tensor
 *
 * @typedef {object} AssociatedFrame A frame whose queries are in the order of the first frame; masks are not moved.
 * @property {Tensor} classLogits (N, K+1), mean of this frame and all before.
 * @property {Tensor} queries (N, C).
 * @property {Tensor} maskLogits (N, h, w), as the network gave them: place i has the mask `order[i]`.
 * @property {Int32Array} order (N) place i holds the frame's own query `order[i]`.
 */

const SMALLEST = 2 ** -126;
const f32 = Math.fround;

/**
 * Finds which current query continues which previous one: Hungarian matching of 1 - cosine.
 * @param {Tensor} previous (N, C).
 * @param {Tensor} current (N, C).
 * @returns {Int32Array} (N) `current[result]` is in the order of `previous`.
 */
export function matchQueries(previous, current) {
  if (previous.shape.length !== 2 || String(previous.shape) !== String(current.shape)) {
    throw new Error(
      `queries have the shapes [${previous.shape}] and [${current.shape}]; expected (queries, channels) twice, ` +
        "from the same model",
    );
  }
  checkFinite("queries", previous.data);
  checkFinite("queries", current.data);
  const [count, channels] = previous.shape;
  const before = unit(previous);
  const now = unit(current);
  const cost = new Float32Array(count * count);
  for (let row = 0, at = 0; row < count; row++) {
    for (let column = 0; column < count; column++, at++) {
      let cosine = 0;
      for (let i = 0; i < channels; i++) cosine += before[row * channels + i] * now[column * channels + i];
      cost[at] = 1 - f32(cosine);
    }
  }
  return cheapestAssignment(cost, count);
}

/** Puts the queries of frame after frame into one order; remembers the queries of a single frame. */
export class NearOnlineTracker {
  constructor() {
    /** @type {Tensor | null} */
    this.queries = null;
    this.sum = new Float64Array(0);
    this.frames = 0;
  }

  /**
   * Takes the next frame.
   * @param {Tensor} classLogits (N, K+1).
   * @param {Tensor} queries (N, C) final query embeddings.
   * @param {Tensor} maskLogits (N, h, w).
   * @returns {AssociatedFrame} With the running mean of the class logits.
   */
  update(classLogits, queries, maskLogits) {
    checkLogits(classLogits, maskLogits, 0);
    const count = classLogits.shape[0];
    if (queries.shape[0] !== count || (this.queries && this.sum.length !== classLogits.data.length)) {
      throw new Error(
        `class logits have the shape [${classLogits.shape}] beside ${queries.shape[0]} queries; expected the same ` +
          "queries and classes in every output and frame",
      );
    }
    const order = this.queries ? matchQueries(this.queries, queries) : Int32Array.from({ length: count }, (_, i) => i);
    this.queries = inOrder(queries, order);
    const ordered = inOrder(classLogits, order);
    if (this.frames === 0) this.sum = new Float64Array(ordered.data.length);
    this.frames += 1;
    const mean = new Float32Array(this.sum.length);
    for (let i = 0; i < mean.length; i++) {
      this.sum[i] += ordered.data[i];
      mean[i] = this.sum[i] / this.frames;
    }
    return {
      classLogits: { data: mean, shape: classLogits.shape },
      queries: this.queries,
      maskLogits,
      order,
    };
  }
}

/**
 * @param {Tensor} tensor
 * @param {Int32Array} order
 * @returns {Tensor} Its entries along the first axis in another order.
 */
function inOrder(tensor, order) {
  const step = tensor.data.length / order.length;
  const data = new Float32Array(tensor.data.length);
  order.forEach((from, to) => data.set(tensor.data.subarray(from * step, (from + 1) * step), to * step));
  return { data, shape: tensor.shape };
}

/**
 * @param {Tensor} vectors
 * @returns {Float32Array} Of length 1 each.
 */
function unit(vectors) {
  const [count, channels] = vectors.shape;
  const found = new Float32Array(count * channels);
  for (let row = 0; row < count; row++) {
    let squares = 0;
    for (let i = row * channels; i < (row + 1) * channels; i++) squares += vectors.data[i] ** 2;
    const length = Math.max(f32(Math.sqrt(f32(squares))), SMALLEST);
    for (let i = row * channels; i < (row + 1) * channels; i++) found[i] = vectors.data[i] / length;
  }
  return found;
}
