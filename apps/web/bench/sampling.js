/**
 * The loops that time, as benchmarks/latency/sampling.py has them: nothing stands between the two readings of the
 * clock but the call.
 * @module
 */

/** @typedef {() => unknown} Run May return a promise. */

/** Runs whose medians are compared to tell whether times are steady, and the largest difference of two windows. */
const WINDOW = 5;
const STEADY = 0.05;
const MAX_PER_VISIT = 20_000;

/**
 * @param {Run} run
 * @returns {Promise<number>} Milliseconds of one run.
 */
export async function timed(run) {
  const before = performance.now();
  await run();
  return performance.now() - before;
}

/**
 * Runs until times are steady: the medians of two windows of five runs differ by less than 5 %.
 * @param {Run} run At least one run is made.
 * @param {number} atMostS It is given up then.
 * @returns {Promise<{samples: number[], isSteady: boolean}>}
 */
export async function warmUp(run, atMostS) {
  const samples = [];
  const end = performance.now() + 1000 * atMostS;
  for (;;) {
    samples.push(await timed(run));
    if (samples.length >= 2 * WINDOW && samples.length % WINDOW === 0) {
      const older = median(samples.slice(-2 * WINDOW, -WINDOW));
      const newer = median(samples.slice(-WINDOW));
      if (Math.abs(newer - older) <= STEADY * older) return { samples, isSteady: true };
    }
    if (performance.now() >= end) return { samples, isSteady: false };
  }
}

/**
 * Times runs that follow each other; the first is not counted, it wakes the threads and fills the caches.
 * @param {Run} run
 * @param {number} atLeast Samples.
 * @param {number} atLeastS Time of all samples together.
 * @param {number} atMostS No run begins after that.
 * @returns {Promise<number[]>} Milliseconds of every run.
 */
export async function sample(run, atLeast, atLeastS, atMostS) {
  const samples = [];
  let spent = 0;
  await run();
  for (;;) {
    const before = performance.now();
    await run();
    const taken = performance.now() - before;
    samples.push(taken);
    spent += taken;
    const enough = samples.length >= atLeast && spent >= 1000 * atLeastS;
    if (enough || spent >= 1000 * atMostS || samples.length >= MAX_PER_VISIT) return samples;
  }
}

/**
 * @param {number[]} values At least one.
 * @returns {number}
 */
export function median(values) {
  const ordered = [...values].sort((a, b) => a - b);
  const middle = ordered.length >> 1;
  return ordered.length % 2 ? ordered[middle] : (ordered[middle - 1] + ordered[middle]) / 2;
}

/**
 * Finds the smallest step of the clock: browsers make it coarse.
 * @returns {number} Milliseconds.
 */
export function clockStep() {
  let smallest = Infinity;
  for (let seen = 0; seen < 20; seen++) {
    const before = performance.now();
    let now = before;
    while (now === before) now = performance.now();
    smallest = Math.min(smallest, now - before);
  }
  return smallest;
}

/**
 * Lets the page breathe: show something, send something.
 * @param {number} seconds
 * @returns {Promise<void>}
 */
export function pause(seconds) {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}
