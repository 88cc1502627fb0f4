/**
 * Near-online association: the queries of frame after frame in one order; rapsam/tasks/tracker.py.
 * @module
 */

import { Assignment } from "./assignment.js";
import { checkFinite, checkLogits } from "./logits.js";

/**
 * @typedef {import("./geometry.js").Tensor} Tensor
 *
 * @typedef {object} AssociatedFrame A frame whose queries are in the order of the first frame; masks are not
 *   moved. Valid until the next one is taken.
 * @property {Tensor} classLogits (N, K+1), mean of this frame and all before.
 * @property {Tensor} queries (N, C).
 * @property {Tensor} maskLogits (N, h, w), as the network gave them: place i has the mask `order[i]`.
 * @property {Int32Array} order (N) place i holds the frame's own query `order[i]`.
 */

const SMALLEST = 2 ** -126;
const f32 = Math.fround;

/** Finds which current query continues which previous one: Hungarian matching of 1 - cosine. A video keeps one. */
export class QueryMatcher {
  /** @param {number[]} shape Of the queries: (N, C). */
  constructor(shape) {
    this.shape = shape;
    const [count, channels] = shape;
    this.assignment = new Assignment(count);
    this.before = new Float32Array(count * channels);
    this.now = new Float32Array(count * channels);
  }

  /**
   * @param {Tensor} previous (N, C).
   * @param {Tensor} current (N, C).
   * @returns {Int32Array} (N) `current[result]` is in the order of `previous`; valid until the next call.
   */
  match(previous, current) {
    if ([previous, current].some(({ shape }) => String(shape) !== String(this.shape))) {
      throw new Error(
        `queries have the shapes [${previous.shape}] and [${current.shape}]; expected (queries, channels) twice, ` +
          "from the same model",
      );
    }
    checkFinite("queries", previous.data);
    checkFinite("queries", current.data);
    const { before, now, assignment } = this;
    const [count, channels] = this.shape;
    ofUnitLength(previous, before);
    ofUnitLength(current, now);
    for (let row = 0, at = 0; row < count; row++) {
      for (let column = 0; column < count; column++, at++) {
        let cosine = 0;
        for (let i = 0; i < channels; i++) cosine += before[row * channels + i] * now[column * channels + i];
        assignment.cost[at] = 1 - f32(cosine);
      }
    }
    return assignment.find();
  }
}

/** Puts the queries of frame after frame into one order; remembers the queries of a single frame. */
export class NearOnlineTracker {
  /** @type {Kept | null} */
  #kept = null;

  /**
   * Takes the next frame.
   * @param {Tensor} classLogits (N, K+1).
   * @param {Tensor} queries (N, C) final query embeddings.
   * @param {Tensor} maskLogits (N, h, w).
   * @returns {AssociatedFrame} With the running mean of the class logits.
   */
  update(classLogits, queries, maskLogits) {
    checkLogits(classLogits, maskLogits, 0);
    const isOther = this.#kept !== null && this.#kept.sum.length !== classLogits.data.length;
    if (queries.shape.length !== 2 || queries.shape[0] !== classLogits.shape[0] || isOther) {
      throw new Error(
        `class logits have the shape [${classLogits.shape}] beside queries of [${queries.shape}]; expected the same ` +
          "queries and classes in every output and frame",
      );
    }
    // Also of the first frame: kept, it would be what all later ones are refused for.
    checkFinite("queries", queries.data);
    this.#kept ??= newlyKept(classLogits, queries);
    const kept = this.#kept;
    const order = kept.frames === 0 ? kept.first : kept.matcher.match(kept.queries, queries);
    copyInOrder(queries, order, kept.queries.data);
    addInOrder(classLogits, order, kept);
    return { classLogits: kept.mean, queries: kept.queries, maskLogits, order };
  }
}

/**
 * What stays from frame to frame.
 * @typedef {object} Kept
 * @property {QueryMatcher} matcher
 * @property {Tensor} queries Of the frame before, in the order of the first.
 * @property {Float64Array} sum Of class logits.
 * @property {Tensor} mean
 * @property {Int32Array} first The order of the first frame.
 * @property {number} frames
 */

/**
 * @param {Tensor} classLogits Of the first frame.
 * @param {Tensor} queries
 * @returns {Kept}
 */
function newlyKept(classLogits, queries) {
  return {
    matcher: new QueryMatcher(queries.shape),
    queries: { data: new Float32Array(queries.data.length), shape: queries.shape },
    sum: new Float64Array(classLogits.data.length),
    mean: { data: new Float32Array(classLogits.data.length), shape: classLogits.shape },
    first: Int32Array.from({ length: queries.shape[0] }, (_, i) => i),
    frames: 0,
  };
}

/**
 * Copies the entries along the first axis in another order.
 * @param {Tensor} tensor
 * @param {Int32Array} order
 * @param {Float32Array} target
 */
function copyInOrder(tensor, order, target) {
  const step = tensor.data.length / order.length;
  for (let to = 0, place = 0; to < order.length; to++) {
    for (let from = order[to] * step; from < (order[to] + 1) * step; from++, place++) target[place] = tensor.data[from];
  }
}

/**
 * @param {Tensor} classLogits
 * @param {Int32Array} order
 * @param {Kept} kept
 */
function addInOrder({ data, shape: [, columns] }, order, kept) {
  kept.frames += 1;
  for (let row = 0, place = 0; row < order.length; row++) {
    for (let column = 0; column < columns; column++, place++) {
      kept.sum[place] += data[order[row] * columns + column];
      kept.mean.data[place] = kept.sum[place] / kept.frames;
    }
  }
}

/**
 * @param {Tensor} vectors
 * @param {Float32Array} target Gets them, of length 1 each.
 */
function ofUnitLength({ data, shape: [count, channels] }, target) {
  for (let row = 0; row < count; row++) {
    let squares = 0;
    for (let i = row * channels; i < (row + 1) * channels; i++) squares += data[i] ** 2;
    const length = Math.max(f32(Math.sqrt(f32(squares))), SMALLEST);
    for (let i = row * channels; i < (row + 1) * channels; i++) target[i] = data[i] / length;
  }
}
