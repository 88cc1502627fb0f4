/**
 * What the list says of each thing that was found.
 * @module
 */

import { classColour } from "../tasks/palette.js";
import { segmentNames } from "./legend.js";
import { segmentColour } from "./pictures.js";

/**
 * @typedef {import("../tasks/panoptic.js").PanopticResult} PanopticResult
 * @typedef {import("../tasks/prompt_encoding.js").Prompt} Prompt
 * @typedef {import("../tasks/prompt_encoding.js").PromptSpec} PromptSpec
 * @typedef {import("../tasks/video.js").TrackedInstance} TrackedInstance
 * @typedef {import("./legend.js").Entry} Entry
 * @typedef {import("./regions.js").Answer} Answer
 */

/**
 * @param {PanopticResult} result
 * @param {{name: string}[]} labels
 * @returns {Entry[]} Of the segments, in their order.
 */
export function objectEntries({ segments, size }, labels) {
  const names = segmentNames(segments, labels);
  return segments.map((segment, place) => ({
    name: names[place],
    figure: `score ${percent(segment.score)}, area ${percent(segment.area / (size[0] * size[1]))}`,
    colour: segmentColour(segment),
    data: { id: String(segment.id), classIndex: String(segment.classIndex), area: String(segment.area) },
  }));
}

/**
 * @param {Answer} answer
 * @param {number} place
 * @param {PromptSpec | null} spec Where masks are chosen by stability, no predicted IoU was learnt: none is told.
 * @returns {Entry}
 */
export function answerEntry({ step, mask, area }, place, spec) {
  const { prompt, predictedIou } = step;
  const isLearnt = spec?.choice !== "stability";
  return {
    name: promptName(prompt),
    figure: isLearnt ? `predicted IoU ${predictedIou.toFixed(2)}` : `area ${percent(area / mask.length)}`,
    colour: classColour(place),
    data: { area: String(area) },
  };
}

/** @param {Prompt} prompt */
function promptName({ points = [], box }) {
  const numbers = (/** @type {number[]} */ values) => values.map((value) => Math.round(value)).join(", ");
  if (!box && points.length === 1) return `Tap ${numbers(points[0])}`;
  const taps = `${points.length} ${points.length === 1 ? "tap" : "taps"}`;
  if (!box) return taps;
  return `Box ${numbers(box)}${points.length ? ` and ${taps}` : ""}`;
}

/**
 * @param {TrackedInstance[]} tracks
 * @param {{name: string}[]} labels
 * @returns {Entry[]} In the order of their numbers: a list that changes its order cannot be read.
 */
export function trackEntries(tracks, labels) {
  const ordered = [...tracks].sort((one, other) => one.trackId - other.trackId);
  return ordered.map(({ trackId, label, score }) => ({
    name: `#${trackId} ${labels[label].name}`,
    figure: `score ${percent(score)}`,
    colour: classColour(trackId),
    data: { track: String(trackId), classIndex: String(label) },
  }));
}

/** @param {number} share */
function percent(share) {
  const value = 100 * share;
  return value > 0 && value < 0.5 ? "under 1 %" : `${Math.round(value)} %`;
}
