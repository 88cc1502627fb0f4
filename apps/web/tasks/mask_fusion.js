/**
 * Which of several masks each pixel of the original image goes to; rapsam/tasks/mask_fusion.py.
 *
 * Only masks that may matter to a tile are enlarged there: a mask stays between the smallest and the largest of
 * its logits that the tile reads, so one that can neither win a pixel nor cover one is left out.
 * @module
 */

import { enlargerFor } from "./enlarge.js";

/**
 * @typedef {import("./geometry.js").Geometry} Geometry
 * @typedef {import("./enlarge.js").Tile} Tile
 *
 * @typedef {object} Fusion
 * @property {Int32Array} winners (h0, w0) place of the mask with the largest score times probability; the first of equals.
 * @property {Uint8Array} confident (h0, w0) whether the winner covers the pixel.
 * @property {Int32Array} won (N) pixels won.
 * @property {Int32Array} own (N) pixels covered, won or not.
 *
 * @typedef {object} Masks Some of the maps of an array.
 * @property {Float32Array} logits
 * @property {Int32Array} maps Which maps, by their place.
 * @property {Size} size Of a map.
 * @property {Float32Array} scores One per map, positive.
 *
 * @typedef {import("./geometry.js").Size} Size
 */

/** A mask covers the pixels where its probability is at least this. */
const COVERED = 0.5;
const SLACK = 1e-4;
const f32 = Math.fround;

/** Probabilities of logits from -LIMIT to LIMIT, `STEPS` for each 1. What lies below has none: NaN decides nothing. */
const [LIMIT, STEPS] = [24, 64];
const LAST = 2 * LIMIT * STEPS;
const PROBABILITIES = Float64Array.from({ length: LAST + 2 }, (_, i) => 1 / (1 + Math.exp(LIMIT - i / STEPS)));
PROBABILITIES[0] = NaN;
const NOBODY = -1;

/** What frames of one size share; no result lies in it. @type {Space | null} */
let kept = null;

/**
 * @typedef {object} Space
 * @property {import("./enlarge.js").Enlarger} enlarger
 * @property {Int32Array} winners
 * @property {Uint8Array} confident
 * @property {Float32Array} best Of a tile: logits of the winners so far.
 * @property {Float32Array} reached Of a tile: about what the winners so far reach, or `NOBODY`.
 */

/**
 * Assigns every pixel of the original image to one of the masks.
 * @param {Masks} masks At least one.
 * @param {Geometry} geometry
 * @returns {Fusion} `winners` and `confident` are valid until the next call.
 */
export function fuseMasks(masks, geometry) {
  const space = spaceFor(masks.size, geometry);
  const { enlarger, winners, confident } = space;
  const count = masks.maps.length;
  const fusion = { winners, confident, won: new Int32Array(count), own: new Int32Array(count) };
  const bounds = new Float32Array(2 * count);
  for (const tile of enlarger.tiles) {
    const pixels = (tile.bottom - tile.top) * (tile.right - tile.left);
    const bar = findBounds(masks, tile, bounds);
    space.reached.fill(NOBODY, 0, pixels);
    for (let mask = 0; mask < count; mask++) {
      const highest = 1 / inverseProbability(bounds[2 * mask + 1]);
      const mayWin = masks.scores[mask] * highest >= bar;
      if (!mayWin && highest < COVERED - SLACK) continue;
      if (!mayWin && bounds[2 * mask] > 0) {
        fusion.own[mask] += pixels;
        continue;
      }
      enlarger.enlarge(masks.logits, masks.maps[mask] * masks.size[0] * masks.size[1], tile);
      if (mayWin) contend(mask, masks.scores, tile, space, geometry.originalSize[1], fusion);
      else fusion.own[mask] += countCovered(enlarger.values, pixels);
    }
    countWinners(tile, geometry.originalSize[1], fusion);
  }
  return fusion;
}

/**
 * @param {Size} size Of a map.
 * @param {Geometry} geometry
 * @returns {Space}
 */
function spaceFor(size, geometry) {
  const enlarger = enlargerFor(size, geometry);
  if (kept?.enlarger === enlarger) return kept;
  const pixels = geometry.originalSize[0] * geometry.originalSize[1];
  kept = {
    enlarger,
    winners: new Int32Array(pixels),
    confident: new Uint8Array(pixels),
    best: new Float32Array(enlarger.values.length),
    reached: new Float32Array(enlarger.values.length),
  };
  return kept;
}

/**
 * Finds the lowest and the highest logit of every mask in a tile.
 * @param {Masks} masks
 * @param {Tile} tile
 * @param {Float32Array} bounds A pair per mask.
 * @returns {number} What a score times probability must reach to win a pixel.
 */
function findBounds(masks, tile, bounds) {
  const [height, width] = masks.size;
  let bar = 0;
  for (let mask = 0; mask < masks.maps.length; mask++) {
    let low = Infinity;
    let high = -Infinity;
    for (let y = tile.sourceTop; y < tile.sourceBottom; y++) {
      const row = (masks.maps[mask] * height + y) * width;
      for (let x = row + tile.sourceLeft; x < row + tile.sourceRight; x++) {
        const logit = masks.logits[x];
        if (logit < low) low = logit;
        if (logit > high) high = logit;
      }
    }
    bounds[2 * mask] = low;
    bounds[2 * mask + 1] = high;
    bar = Math.max(bar, masks.scores[mask] / inverseProbability(low));
  }
  return bar * (1 - SLACK);
}

/**
 * @param {number} logit
 * @returns {number} 1 + exp(-logit) in float32; infinity stands for a probability of 0.
 */
function inverseProbability(logit) {
  return f32(f32(Math.exp(-logit)) + 1);
}

/**
 * Lets a mask win pixels of a tile, with exponentials only where they decide.
 *
 * Nothing that is called for every pixel is a function: where the engine does not inline it, each number that it
 * takes or returns lies in memory of its own, megabytes of it per frame.
 * @param {number} mask
 * @param {Float32Array} scores
 * @param {Tile} tile
 * @param {Space} space Holds the enlarged logits of the tile.
 * @param {number} width Of the image.
 * @param {Fusion} fusion
 */
function contend(mask, scores, tile, { enlarger, best, reached }, width, { winners, confident, own }) {
  const { values } = enlarger;
  const across = tile.right - tile.left;
  const score = scores[mask];
  let covered = 0;
  for (let y = tile.top, i = 0; y < tile.bottom; y++) {
    for (let place = y * width + tile.left, end = place + across; place < end; place++, i++) {
      const logit = values[i];
      const covers = logit >= 0 || (logit > -SLACK && f32(f32(Math.exp(-logit)) + 1) <= 1 / COVERED);
      if (covers) covered += 1;
      // About its probability, to less than a third of `SLACK` of it; NaN where that is next to nothing.
      const along = Math.min(Math.max((logit + LIMIT) * STEPS, 0), LAST);
      const step = Math.trunc(along);
      const below = PROBABILITIES[step];
      const mine = score * (below + (along - step) * (PROBABILITIES[step + 1] - below));
      const bar = reached[i];
      if (mine < bar * (1 - SLACK)) continue;
      // Where the two are near each other, or one is not known, as float32 has them.
      if (!(bar < 0 || mine > bar * (1 + SLACK))) {
        const ours = f32(score / f32(f32(Math.exp(-logit)) + 1));
        if (!(ours > f32(scores[winners[place]] / f32(f32(Math.exp(-best[i])) + 1)))) continue;
      }
      best[i] = logit;
      reached[i] = mine;
      winners[place] = mask;
      confident[place] = covers ? 1 : 0;
    }
  }
  own[mask] += covered;
}

/**
 * @param {number} logit A little below 0.
 * @returns {boolean} Whether its probability, as float32 has it, is at least `COVERED`.
 */
function coversBelow(logit) {
  return inverseProbability(logit) <= 1 / COVERED;
}

/**
 * @param {Float32Array} values Enlarged logits of a tile.
 * @param {number} pixels
 */
function countCovered(values, pixels) {
  let covered = 0;
  for (let i = 0; i < pixels; i++) {
    if (values[i] >= 0 || (values[i] > -SLACK && coversBelow(values[i]))) covered += 1;
  }
  return covered;
}

/**
 * @param {Tile} tile
 * @param {number} width Of the image.
 * @param {Fusion} fusion
 */
function countWinners(tile, width, fusion) {
  for (let y = tile.top; y < tile.bottom; y++) {
    for (let place = y * width + tile.left; place < y * width + tile.right; place++) {
      fusion.won[fusion.winners[place]] += 1;
    }
  }
}
