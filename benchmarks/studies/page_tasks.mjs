// Runs the tasks of the web page on what rapsam.benchmarks.studies.page_tasks drew: a command a line in, an answer a line out.
//   node --expose-gc page_tasks.mjs PAGE FOLDER
//   "fuse NAME SECONDS": seconds of processor time per fusion; "keep NAME": bytes that live frames leave behind.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

/** Frames until the engine has compiled what it runs once for each. */
const WARM = 60;

const [page, folder] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(page, path)).href);
const { Follower } = await load("photo/follower.js");
const { paintObjects, paintTracks } = await load("photo/pictures.js");
const { panopticSegmentation } = await load("tasks/panoptic.js");
const { fitted } = await load("tasks/preprocess.js");

const job = JSON.parse(readFileSync(join(folder, "job.json"), "utf8"));
const [height, width] = job.size;
const geometry = { paddedSize: job.size, contentSize: job.size, originalSize: job.size };
const tensor = ({ file, shape }) => {
  const bytes = readFileSync(join(folder, file));
  return { data: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)), shape };
};
const cases = Object.fromEntries(
  job.cases.map((each) => [each.name, { ...each, tensors: each.tensors.map(tensor) }]),
);

const fused = ({ tensors: [classLogits, , maskLogits], thresholds }) =>
  panopticSegmentation(classLogits, maskLogits, geometry, job.num_things, {
    scoreThreshold: thresholds[0],
    overlapThreshold: thresholds[1],
  });

function fuse(name, seconds) {
  const run = () => fused(cases[name]);
  run();
  const start = process.cpuUsage();
  for (let passes = 1; ; passes++) {
    run();
    const { user, system } = process.cpuUsage(start);
    if (user + system >= seconds * 1e6) return (user + system) / 1e6 / passes;
  }
}

/** What the live view does with each frame, but for what the browser and the runtime do. */
function liveFrames(one, kind) {
  const frame = { data: new Uint8ClampedArray(4 * height * width).fill(90), height, width, channels: 4 };
  const canvas = { ...frame, data: frame.data.slice() };
  const follower = new Follower(job.num_things, job.top_k);
  let memory;
  return () => {
    memory = fitted(frame, job.preprocess, memory).pixels.data;
    canvas.data.set(frame.data);
    if (kind === "objects") {
      const found = fused(one);
      paintObjects(canvas, found, null);
      return [found.panopticMap];
    }
    const tracks = follower.next(...one.tensors, geometry);
    paintTracks(canvas, tracks);
    return tracks.map(({ mask }) => mask);
  };
}

const middle = (values) => values.sort((one, other) => one - other)[Math.trunc(values.length / 2)];

/**
 * Bytes of a frame: the middle one, as a few collect what is no longer needed and seem to take less than none. They
 * are not made to: a collection drops some of what was compiled, so that the next frame would pay for it.
 */
function frameBytes(next) {
  gc();
  const frames = Array.from({ length: 21 }, () => {
    const before = process.memoryUsage();
    const results = next();
    const after = process.memoryUsage();
    const taken = after.arrayBuffers - before.arrayBuffers + after.heapUsed - before.heapUsed;
    const held = results.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return { results: held, others: taken - held };
  });
  const [results, others] = ["results", "others"].map((part) => middle(frames.map((frame) => frame[part])));
  return { results, others };
}

function keep(name) {
  return ["objects", "tracks"].map((kind) => {
    const next = liveFrames(cases[name], kind);
    for (let frame = 0; frame < WARM; frame++) next();
    return { kind, ...frameBytes(next) };
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, name, seconds] = line.split(" ");
  console.log(JSON.stringify(command === "fuse" ? fuse(name, Number(seconds)) : keep(name)));
}
