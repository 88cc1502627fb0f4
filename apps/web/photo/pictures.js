/**
 * Results painted over the photo, as rapsam/tasks/draw.py does it, without captions: the page has a legend.
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
 * @typedef {import("../tasks/video.js").TrackedInstance} TrackedInstance
 * @typedef {import("./regions.js").Answer} Answer
 */

/**
 * @param {Segment} segment
 * @returns {Colour}
 */
export function segmentColour({ id, classIndex }) {
  return classColour(classIndex, Math.max(Math.floor(id / INSTANCE_STEP) - 1, 0));
}

/**
 * @param {Picture} canvas The photo; is painted on.
 * @param {PanopticResult} result
 * @param {number | null} only Place of the only segment to paint; null for all.
 */
export function paintObjects(canvas, result, only) {
  const segments = result.segments.filter((_, place) => only === null || place === only);
  const layers = segments.map((segment) => ({
    map: result.panopticMap,
    value: segment.id,
    colour: segmentColour(segment),
  }));
  paintMasks(canvas, layers, lineWidth(canvas.height, canvas.width));
}

/**
 * @param {Picture} canvas The frame; is painted on.
 * @param {TrackedInstance[]} tracks In falling order of score: the best comes on top.
 */
export function paintTracks(canvas, tracks) {
  const layers = tracks.map(({ mask, trackId }) => ({ map: mask, value: 1, colour: classColour(trackId) }));
  paintMasks(canvas, layers.reverse(), lineWidth(canvas.height, canvas.width));
}

/**
 * @param {Picture} canvas The photo; is painted on.
 * @param {Answer[]} answers
 * @param {number | null} only Place of the only answer to paint; null for all.
 */
export function paintAnswers(canvas, answers, only) {
  const width = lineWidth(canvas.height, canvas.width);
  const shown = [...answers.entries()].filter(([place]) => only === null || place === only);
  // Large masks first, so that a small one inside stays visible.
  const layers = [...shown].sort(([, one], [, other]) => other.area - one.area);
  paintMasks(
    canvas,
    layers.map(([place, { mask }]) => ({ map: mask, value: 1, colour: classColour(place) })),
    width,
  );
  for (const [place, { step }] of shown) {
    const { prompt } = step;
    if (prompt.box) paintBox(canvas, prompt.box, width + 1, classColour(place));
    prompt.points?.forEach((point, tap) => {
      const isBeside = prompt.positive?.[tap] === false;
      paintPoint(canvas, point, 3 * width + 3, classColour(place), isBeside);
    });
  }
}
