/**
 * The objects of one video, followed from frame to frame, as rapsam/inference/segmenter.py does it.
 * @module
 */

import { DistinctTracks, SAME_OBJECT_IOU } from "../tasks/duplicates.js";
import { NearOnlineTracker } from "../tasks/tracker.js";
import { TrackNumbers, trackedInstances } from "../tasks/video.js";

/**
 * @typedef {import("../tasks/geometry.js").Geometry} Geometry
 * @typedef {import("../tasks/geometry.js").Tensor} Tensor
 * @typedef {import("../tasks/video.js").TrackedInstance} TrackedInstance
 */

/** As in rapsam/inference/segmenter.py. */
const MIN_SCORE = 0.5;

/** Remembers the queries of one frame, and a number for everything that was seen. */
export class Follower {
  #tracker = new NearOnlineTracker();
  #numbers = new TrackNumbers();
  #distinct = new DistinctTracks(SAME_OBJECT_IOU);

  /**
   * @param {number} numThings The first classes, which are things.
   * @param {number} topK Candidates of a frame.
   */
  constructor(numThings, topK) {
    this.numThings = numThings;
    this.limits = { topK, minScore: MIN_SCORE };
  }

  /**
   * Takes the next frame.
   * @param {Tensor} classLogits (N, K+1).
   * @param {Tensor} queries (N, C).
   * @param {Tensor} maskLogits (N, h, w).
   * @param {Geometry} geometry
   * @returns {TrackedInstance[]} In falling order of score; of several on one object, one.
   */
  next(classLogits, queries, maskLogits, geometry) {
    const frame = this.#tracker.update(classLogits, queries, maskLogits);
    return this.#distinct.of(trackedInstances(frame, geometry, this.numThings, this.limits, this.#numbers));
  }
}
