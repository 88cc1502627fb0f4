// Runs the tasks of the web page on the golden vectors; prints one line of JSON per case.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { chosenCandidates, stabilityScores } from "../../apps/web/tasks/candidates.js";
import { toOriginal } from "../../apps/web/tasks/enlarge.js";
import { DistinctTracks } from "../../apps/web/tasks/duplicates.js";
import { lineWidth, paintBox, paintMasks, paintPoint } from "../../apps/web/tasks/overlay.js";
import { classColour, lightened, textColour } from "../../apps/web/tasks/palette.js";
import { panopticSegmentation } from "../../apps/web/tasks/panoptic.js";
import { letterbox } from "../../apps/web/tasks/preprocess.js";
import { interactiveMasks, normalisedBoxes, promptBoxes } from "../../apps/web/tasks/prompt.js";
import { checkClaims, encodePrompts } from "../../apps/web/tasks/prompt_encoding.js";
import { NearOnlineTracker, QueryMatcher } from "../../apps/web/tasks/tracker.js";
import { TrackNumbers, trackedInstances } from "../../apps/web/tasks/video.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "../../apps/fixtures/vectors");
const READERS = {
  uint8: [Uint8Array, 1, "getUint8"],
  int32: [Int32Array, 4, "getInt32"],
  float32: [Float32Array, 4, "getFloat32"],
};

function valueOf(value) {
  if (value === null || typeof value !== "object" || !("file" in value)) return value;
  const bytes = readFileSync(join(folder, value.file));
  const view = new DataView(bytes.buffer, bytes.byteOffset + value.offset);
  const [kind, size, method] = READERS[value.dtype];
  const count = value.shape.reduce((product, side) => product * side, 1);
  const data = kind.from({ length: count }, (_, i) => view[method](i * size, true));
  return { data, shape: value.shape };
}

const picture = ({ data, shape }) => ({ data: data.slice(), height: shape[0], width: shape[1], channels: shape[2] });
const geometryOf = (given) => ({
  paddedSize: given.padded_size,
  contentSize: given.content_size,
  originalSize: given.original_size,
});
const part = ({ data, shape }, place) => {
  const step = data.length / shape[0];
  return { data: data.subarray(place * step, (place + 1) * step), shape: shape.slice(1) };
};
const joined = (arrays) => arrays.flatMap((array) => [...array]);

function isTaken([encoding, max_points, negative, boxes, both, masks, radius, candidates, single, stride]) {
  const known = (value) => (value < 0 ? null : value);
  try {
    checkClaims({
      encoding: ["boxes", "points"][encoding],
      max_points,
      negative_points: negative === 1,
      boxes: boxes === 1,
      points_with_box: both === 1,
      masks: masks === 1,
      point_radius: known(radius),
      candidates,
      single: known(single),
      mask_stride: known(stride),
    });
  } catch {
    return false;
  }
  return true;
}

const RUN = {
  letterbox(given) {
    const { pixels, geometry } = letterbox(picture(given.image), given.size, given.pad_colour);
    return { pixels: pixels.data, content_size: geometry.contentSize };
  },
  longest_side(given) {
    const { pixels, geometry } = letterbox(picture(given.image), given.size, given.pad_colour, "longest side");
    return { pixels: pixels.data, content_size: geometry.contentSize };
  },
  point_slots(given) {
    const prompts = [...given.points.map((point) => ({ points: [point] })), ...given.boxes.map((box) => ({ box }))];
    const spec = { encoding: "points", max_points: given.max_points, boxes: given.takes_boxes === 1, masks: false };
    const { points, point_labels } = encodePrompts(prompts, spec, geometryOf(given));
    return { points: points.data, point_labels: point_labels.data };
  },
  prompt_slots(given) {
    const prompts = Array.from({ length: given.prompts }, (_, prompt) => {
      const rows = given.points.filter(([place]) => place === prompt);
      const [box] = given.boxes.filter(([place]) => place === prompt);
      return {
        points: rows.map((row) => row.slice(2)),
        positive: rows.map((row) => row[1] === 1),
        ...(box && { box: box.slice(1) }),
        ...(given.masked[prompt] && { mask: part(given.masks, prompt).data }),
      };
    });
    const spec = {
      encoding: "points",
      max_points: given.max_points,
      negative_points: true,
      boxes: given.takes_boxes === 1,
      points_with_box: true,
      masks: given.mask_stride > 0,
      mask_stride: given.mask_stride || null,
    };
    const tensors = Object.entries(encodePrompts(prompts, spec, geometryOf(given)));
    return Object.fromEntries(tensors.map(([role, { data }]) => [role, data]));
  },
  chosen_candidates(given) {
    const { data, shape } = given.mask_logits;
    const logits = { data, shape: [shape[0] * shape[1], ...shape.slice(2)] };
    const stability = stabilityScores(logits, geometryOf(given));
    const spec = given.single < 0 ? {} : { single: given.single }; // as older manifests leave it out
    const scores = { iou: given.iou.data, stability }[given.choice];
    return { chosen: chosenCandidates(spec, scores, given.ambiguous.map(Boolean)), stability };
  },
  prompt_boxes(given) {
    const boxes = promptBoxes(given.points, given.boxes, geometryOf(given), given.point_radius);
    return { boxes, normalised: normalisedBoxes(boxes, geometryOf(given)).data };
  },
  to_original(given) {
    return { enlarged: toOriginal(given.mask_logits, geometryOf(given)).data };
  },
  interactive_masks(given) {
    return { masks: joined(interactiveMasks(given.mask_logits, geometryOf(given))) };
  },
  panoptic(given) {
    const thresholds = { scoreThreshold: given.score_threshold, overlapThreshold: given.overlap_threshold };
    const geometry = geometryOf(given);
    const found = panopticSegmentation(given.class_logits, given.mask_logits, geometry, given.num_things, thresholds);
    const rows = found.segments.map((each) => [each.id, each.classIndex, Number(each.isThing), each.area, each.query]);
    return {
      panoptic_map: found.panopticMap,
      void: found.void,
      segments: rows.flat(),
      scores: found.segments.map((each) => each.score),
    };
  },
  match_queries(given) {
    return { order: new QueryMatcher(given.previous.shape).match(given.previous, given.current) };
  },
  tracks(given) {
    const geometry = geometryOf(given);
    const limits = { topK: given.top_k, minScore: given.min_score };
    const [tracker, numbers] = [new NearOnlineTracker(), new TrackNumbers()];
    const distinct = new DistinctTracks(given.same_object_iou);
    const outputs = [given.class_logits, given.queries, given.mask_logits];
    const [orders, means] = [[], []];
    const frames = Array.from({ length: given.queries.shape[0] }, (_, frame) => {
      const seen = tracker.update(...outputs.map((output) => part(output, frame)));
      orders.push(seen.order.slice());
      means.push(seen.classLogits.data.slice());
      return trackedInstances(seen, geometry, given.num_things, limits, numbers);
    });
    const all = frames.flat();
    return {
      order: joined(orders),
      mean_class_logits: joined(means),
      counts: frames.map((frame) => frame.length),
      track_ids: all.map((each) => each.trackId),
      labels: all.map((each) => each.label),
      queries: all.map((each) => each.query),
      scores: all.map((each) => each.score),
      boxes: joined(all.map((each) => each.box)),
      masks: joined(all.map((each) => each.mask)),
      distinct_track_ids: frames.map((frame) => distinct.of(frame).map((each) => each.trackId)),
    };
  },
  palette(given) {
    const pairs = Array.from({ length: given.pairs.shape[0] }, (_, row) => given.pairs.data.slice(2 * row, 2 * row + 2));
    const colours = pairs.map(([label, instance]) => classColour(label, instance));
    return { colours: colours.flat(), lightened: colours.flatMap(lightened), text: colours.flatMap(textColour) };
  },
  prompt_spec(given) {
    return { taken: given.claims.map((claim) => Number(isTaken(claim))) };
  },
  line_width(given) {
    return { widths: given.sizes.map(([height, width]) => lineWidth(height, width)) };
  },
  paint_masks(given) {
    const canvas = picture(given.image);
    const layers = Array.from({ length: given.masks.shape[0] }, (_, layer) => ({
      map: part(given.masks, layer).data,
      value: 1,
      colour: [...part(given.colours, layer).data],
    }));
    paintMasks(canvas, layers, given.width);
    return { painted: canvas.data };
  },
  paint_prompts(given) {
    const canvas = picture(given.image);
    given.boxes.forEach((box, place) => paintBox(canvas, box, given.box_width, classColour(place)));
    given.points.forEach((point, place) => paintPoint(canvas, point, given.point_radius, classColour(place)));
    return { painted: canvas.data };
  },
};

function problemOf(found, expected) {
  if (expected?.data instanceof Float32Array) {
    const allowed = (value) => 1e-6 * Math.max(1, Math.abs(value));
    const differs = (i) => !(Math.abs(found[i] - expected.data[i]) <= allowed(expected.data[i]));
    return listProblem(found, expected.data, differs);
  }
  if (expected?.data) return listProblem(found, expected.data, (i) => found[i] !== expected.data[i]);
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  return one === other ? null : `${one}, expected ${other}`;
}

function listProblem(found, expected, differs) {
  if (found.length !== expected.length) return `${found.length} values, expected ${expected.length}`;
  const wrong = Array.from(expected.keys()).filter(differs);
  if (!wrong.length) return null;
  return `${wrong.length} of ${found.length} differ, the first at ${wrong[0]}: ${found[wrong[0]]}, expected ${expected[wrong[0]]}`;
}

const index = JSON.parse(readFileSync(join(folder, "index.json"), "utf8"));
// Twice: tasks keep memory for the next frame, in which nothing of the last one may be left.
for (const { function: name, name: title, given, expected } of [...index.cases, ...index.cases.toReversed()]) {
  if (!(name in RUN)) continue;
  const arguments_ = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, valueOf(value)]));
  const found = RUN[name](arguments_);
  const problems = Object.entries(expected).flatMap(([key, value]) => {
    const problem = problemOf(found[key], valueOf(value));
    return problem === null ? [] : [`${key}: ${problem}`];
  });
  console.log(JSON.stringify({ function: name, name: title, problems }));
}
