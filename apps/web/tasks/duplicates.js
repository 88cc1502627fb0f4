/**
 * Several tracks on one object: only one of them is reported; rapsam/tasks/duplicates.py, for clips of one frame.
 * @module
 */

/** @typedef {import("./video.js").TrackedInstance} TrackedInstance */

/** Tracks whose masks overlap by this much are one object; where it was measured stands in duplicates.py. */
export const SAME_OBJECT_IOU = 0.7;

/** Leaves tracks out that lie on the object of another, frame by frame. */
export class DistinctTracks {
  /** @type {Map<number, number>} Sum of scores so far, by track. */
  #scores = new Map();
  /** @type {Set<number>} */
  #reported = new Set();

  /** @param {number} threshold Tracks whose masks overlap by this much (IoU) are one object. */
  constructor(threshold) {
    this.threshold = threshold;
  }

  /**
   * Of two tracks on one object stays the one that was reported before; if both or none was, the surer one.
   * @param {TrackedInstance[]} frame
   * @returns {TrackedInstance[]} Without the duplicates.
   */
  of(frame) {
    for (const { trackId, score } of frame) this.#scores.set(trackId, this.#scoreOf(trackId) + score);
    const ranked = [...frame].sort(
      (one, other) =>
        Number(this.#reported.has(other.trackId)) - Number(this.#reported.has(one.trackId)) ||
        this.#scoreOf(other.trackId) - this.#scoreOf(one.trackId),
    );
    /** @type {TrackedInstance[]} */
    const kept = [];
    for (const track of ranked) {
      if (!kept.some((other) => iou(track.mask, other.mask) >= this.threshold)) kept.push(track);
    }
    for (const { trackId } of kept) this.#reported.add(trackId);
    return frame.filter((track) => kept.includes(track));
  }

  /** @param {number} trackId */
  #scoreOf(trackId) {
    return this.#scores.get(trackId) ?? 0;
  }
}

/**
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 * @returns {number} Intersection over union; 0 of nothing.
 */
function iou(one, other) {
  let both = 0;
  let either = 0;
  for (let i = 0; i < one.length; i++) {
    both += one[i] & other[i];
    either += one[i] | other[i];
  }
  return either ? both / either : 0;
}
