/**
 * What is found in moving pictures, shown frame after frame.
 * @module
 */

import { objectEntries, trackEntries } from "./entries.js";
import { showLegend } from "./legend.js";
import { paintObjects, paintTracks } from "./pictures.js";

/**
 * @typedef {import("../tasks/geometry.js").Picture} Picture
 * @typedef {import("./legend.js").Entry} Entry
 * @typedef {import("./moving_pictures.js").MovingPictures} MovingPictures
 * @typedef {import("./segmenter.js").PageSegmenter} PageSegmenter
 * @typedef {import("./segmenter.js").Seen} Seen
 * @typedef {import("./stage.js").Stage} Stage
 *
 * @typedef {object} Parts Elements of the page.
 * @property {HTMLElement} work
 * @property {HTMLElement} rate How quickly frames follow each other; not read out, it changes all the time.
 * @property {HTMLElement} found
 * @property {HTMLElement} legend
 */

/** Frames whose mean time is shown. */
const REMEMBERED = 10;

/** Shows one video at a time. */
export class Live {
  /** @type {MovingPictures | null} */
  #pictures = null;
  /** Names of what the list shows. */
  #listed = "";

  /**
   * @param {PageSegmenter} segmenter
   * @param {Stage} stage
   * @param {Parts} parts
   */
  constructor(segmenter, stage, parts) {
    this.segmenter = segmenter;
    this.stage = stage;
    this.parts = parts;
  }

  /** @param {MovingPictures} pictures What `show` will look at; `stop` closes them before that, too. */
  take(pictures) {
    this.stop();
    this.#pictures = pictures;
  }

  /**
   * Looks at frame after frame until there is none, or `stop` was called.
   * @returns {Promise<Picture | null>} The last frame; null if there was none.
   */
  async show() {
    const pictures = this.#pictures;
    if (!pictures) return null;
    this.#listed = "";
    const { work } = this.parts;
    const look = this.segmenter.video();
    const times = [];
    let last = null;
    try {
      for (let frame = await pictures.next(); frame; frame = await pictures.next()) {
        if (frame.width !== last?.width || frame.height !== last?.height) this.stage.begin(frame);
        const start = performance.now();
        const seen = await look(frame);
        this.#draw(frame, seen);
        times.push(performance.now() - start);
        last = frame;
        work.hidden = false;
        work.classList.add("live");
        this.#tell(times);
      }
    } finally {
      pictures.close();
      work.classList.remove("live");
    }
    return last;
  }

  stop() {
    this.#pictures?.close();
    this.#pictures = null;
  }

  /** @param {number[]} times Milliseconds of every frame so far. */
  #tell(times) {
    const recent = times.slice(-REMEMBERED);
    const mean = recent.reduce((sum, time) => sum + time, 0) / recent.length;
    this.parts.rate.textContent = `${times.length} frames, ${Math.round(mean)} ms each`;
  }

  /**
   * @param {Picture} frame
   * @param {Seen} seen
   */
  #draw(frame, { tracks, objects }) {
    const { labels } = this.segmenter;
    this.stage.show(frame, (canvas) => {
      if (tracks) paintTracks(canvas, tracks);
      if (objects) paintObjects(canvas, objects, null);
    });
    const entries = tracks ? trackEntries(tracks, labels) : objects ? objectEntries(objects, labels) : [];
    this.#list(entries);
  }

  /** @param {Entry[]} entries The list changes when others come into view, not with every score. */
  #list(entries) {
    const names = entries.map(({ name }) => name).join("\n");
    if (names === this.#listed && this.parts.legend.childElementCount === entries.length) return;
    this.#listed = names;
    this.parts.found.textContent = entries.length ? "In view" : "Nothing in view";
    const named = entries.map((entry) => ({ ...entry, figure: "" })); // figures that do not follow would be wrong
    showLegend(this.parts.legend, named, null, null);
  }
}
