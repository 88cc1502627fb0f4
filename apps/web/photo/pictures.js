/**
 * Pictures of results over the photo, as rapsam/tasks/draw.py makes them, without captions: the page has a legend.
 * @module
 */

import { lineWidth, paintBox, paintMasks, paintPoint } from "../tasks/overlay.js";
import { classColour } from "../tasks/palette.js";
import { INSTANCE_STEP } from "../tasks/panoptic.js";

/**
 * @typedef {import("../tasks/geometry.js").Picture} Picture
 * @typedef {import("../tasks/palette.js").Colour} Colour
 * @typedef {import("../tasks/panoptic.js").PanopticResult} PanopticResult
 * @typedef {import("../tasks/panoptic.js").Segment} Segment
 * @typedef {import("../tasks/prompt_encoding.js").Prompt} Prompt
 * @typedef {import("../tasks/video.js").TrackedInstance} TrackedInstance
 * @typedef {{prompt: Prompt, mask: Uint8Array, area: number, predictedIou: number}} Answer
 */

/**
 * @param {Segment} segment
 * @returns {Colour}
 */
export function segmentColour({ id, classIndex }) {
  return classColour(classIndex, Math.max(Math.floor(id / INSTANCE_STEP) - 1, 0));
}

/**
 * @param {Picture} photo
 * @param {PanopticResult} result
 * @param {number | null} only Place of the only segment to paint; null for all.
 * @returns {Picture} A new one.
 */
export function panopticPicture(photo, result, only) {
  const canvas = copied(photo);
  const segments = result.segments.filter((_, place) => only === null || place === only);
  const layers = segments.map((segment) => ({
    map: result.panopticMap,
    value: segment.id,
    colour: segmentColour(segment),
  }));
  paintMasks(canvas, layers, lineWidth(photo.height, photo.width));
  return canvas;
}

/**
 * @param {Picture} frame
 * @param {TrackedInstance[]} tracks In falling order of score.
 * @returns {Picture} A new one, the best on top.
 */
export function tracksPicture(frame, tracks) {
  const canvas = copied(frame);
  const layers = tracks.map(({ mask, trackId }) => ({ map: mask, value: 1, colour: classColour(trackId) }));
  paintMasks(canvas, layers.reverse(), lineWidth(frame.height, frame.width));
  return canvas;
}

/**
 * @param {Picture} photo
 * @param {Answer[]} answers
 * @param {number | null} only Place of the only answer to paint; null for all.
 * @returns {Picture} A new one.
 */
export function promptPicture(photo, answers, only) {
  const canvas = copied(photo);
  const width = lineWidth(photo.height, photo.width);
  const shown = [...answers.entries()].filter(([place]) => only === null || place === only);
  // Large masks first, so that a small one inside stays visible.
  const layers = [...shown].sort(([, one], [, other]) => other.area - one.area);
  paintMasks(
    canvas,
    layers.map(([place, { mask }]) => ({ map: mask, value: 1, colour: classColour(place) })),
    width,
  );
  for (const [place, { prompt }] of shown) {
    if (prompt.box) paintBox(canvas, prompt.box, width + 1, classColour(place));
    if (prompt.point) paintPoint(canvas, prompt.point, 3 * width + 3, classColour(place));
  }
  return canvas;
}

/**
 * @param {Picture} picture
 * @returns {Picture}
 */
function copied(picture) {
  return { ...picture, data: picture.data.slice() };
}
