/**
 * From associated frames to tracks; rapsam/tasks/video.py.
 * @module
 */

import { byScore, maskedInstances, rankPairs } from "./instances.js";

/**
 * @typedef {import("./instances.js").Instance} Instance
 * @typedef {Instance & {trackId: number}} TrackedInstance
 */

/** Numbers every pair of query and class, from 1 in the order of first appearance. */
export class TrackNumbers {
  /** @type {Map<string, number>} */
  #numbers = new Map();

  /**
   * @param {number} query
   * @param {number} label
   * @returns {number}
   */
  of(query, label) {
    const pair = `${query} ${label}`;
    const number = this.#numbers.get(pair) ?? this.#numbers.size + 1;
    this.#numbers.set(pair, number);
    return number;
  }
}

/**
 * Finds the tracked instances of an associated frame, in falling order of score.
 * @param {import("./tracker.js").AssociatedFrame} frame
 * @param {import("./geometry.js").Geometry} geometry
 * @param {number} numThings
 * @param {{topK: number, minScore: number}} limits
 * @param {TrackNumbers} numbers The same for all frames of a video.
 * @returns {TrackedInstance[]}
 */
export function trackedInstances(frame, geometry, numThings, { topK, minScore }, numbers) {
  const pairs = rankPairs(frame.classLogits, numThings, topK);
  for (const { query, label } of pairs) numbers.of(query, label);
  const found = byScore(maskedInstances(pairs, frame.maskLogits, geometry, minScore, frame.order));
  return found.map((instance) => ({ ...instance, trackId: numbers.of(instance.query, instance.label) }));
}
