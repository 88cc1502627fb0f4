/**
 * Which of several masks each pixel of the original image goes to; rapsam/tasks/mask_fusion.py.
 *
 * Only masks that may matter to a tile are enlarged there: a mask stays between the smallest and the largest of
 * its logits that the tile reads, so one that can neither win a pixel nor cover one is left out.
 * @module
 */

import { Enlarger } from "./enlarge.js";

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

/**
 * Assigns every pixel of the original image to one of the masks.
 * @param {Masks} masks At least one.
 * @param {Geometry} geometry
 * @returns {Fusion}
 */
export function fuseMasks(masks, geometry) {
  const [height, width] = geometry.originalSize;
  const enlarger = new Enlarger(masks.size, geometry);
  const fusion = {
    winners: new Int32Array(height * width),
    confident: new Uint8Array(height * width),
    won: new Int32Array(masks.maps.length),
    own: new Int32Array(masks.maps.length),
  };
  const best = new Float32Array(enlarger.values.length);
  const bounds = new Float32Array(2 * masks.maps.length);
  for (const tile of enlarger.tiles) {
    best.fill(-Infinity);
    const bar = findBounds(masks, tile, bounds);
    for (let mask = 0; mask < masks.maps.length; mask++) {
      const highest = bounds[2 * mask + 1];
      if (masks.scores[mask] * highest < bar && highest < COVERED - SLACK) continue;
      enlarger.enlarge(masks.logits, masks.maps[mask] * masks.size[0] * masks.size[1], tile);
      contend(mask, masks.scores, tile, enlarger.values, best, width, fusion);
    }
    countWinners(tile, width, fusion);
  }
  return fusion;
}

/**
 * Finds the lowest and the highest probability of every mask in a tile.
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
    bounds[2 * mask] = 1 / inverseProbability(low);
    bounds[2 * mask + 1] = 1 / inverseProbability(high);
    bar = Math.max(bar, masks.scores[mask] * bounds[2 * mask]);
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
 * Lets a mask win pixels of a tile.
 * @param {number} mask
 * @param {Float32Array} scores
 * @param {Tile} tile
 * @param {Float32Array} values Enlarged logits of the tile.
 * @param {Float32Array} best Logits of the winners so far; -Infinity where there is none.
 * @param {number} width Of the image.
 * @param {Fusion} fusion
 */
function contend(mask, scores, tile, values, best, width, { winners, confident, own }) {
  const across = tile.right - tile.left;
  const score = scores[mask];
  const behind = clearlyBehind(score, scores);
  let covered = 0;
  for (let y = tile.top, i = 0; y < tile.bottom; y++) {
    for (let place = y * width + tile.left, end = place + across; place < end; place++, i++) {
      const logit = values[i];
      const before = best[i];
      if (logit < before - behind && logit < -behind) continue;
      const covers = coversAt(logit);
      if (covers) covered += 1;
      if (before !== -Infinity && !wins(logit, score, before, scores[winners[place]])) continue;
      best[i] = logit;
      winners[place] = mask;
      confident[place] = covers ? 1 : 0;
    }
  }
  own[mask] += covered;
}

/**
 * @param {number} logit
 * @returns {boolean} Whether its probability, as float32 has it, is at least `COVERED`.
 */
function coversAt(logit) {
  if (logit >= 0) return true;
  return logit > -SLACK && inverseProbability(logit) <= 1 / COVERED;
}

/**
 * @param {number} score
 * @param {Float32Array} scores Of all masks.
 * @returns {number} A logit that lies so much below 0 and below the winner's neither wins nor covers; see `wins`.
 */
function clearlyBehind(score, scores) {
  let lowest = score;
  for (const other of scores) lowest = Math.min(lowest, other);
  return 2 * ((score / lowest) * (1 + SLACK) - 1);
}

/**
 * Tells whether one score times probability is the larger one, with exponentials only where they decide.
 *
 * Below a logit of 0 the logarithm of the probability rises by at least 0.5 per 1, so logits that are d apart
 * there have probabilities at a ratio of at least exp(d / 2), which is more than 1 + d / 2.
 * @param {number} logit
 * @param {number} score
 * @param {number} bestLogit
 * @param {number} bestScore
 */
function wins(logit, score, bestLogit, bestScore) {
  if (logit <= bestLogit) {
    if (score <= bestScore) return false;
    if (logit < 0 && score * (1 + SLACK) < bestScore * (1 + (Math.min(bestLogit, 0) - logit) / 2)) return false;
  } else if (bestLogit < 0 && score * (1 + (Math.min(logit, 0) - bestLogit) / 2) > bestScore * (1 + SLACK)) {
    return true;
  }
  return f32(score / inverseProbability(logit)) > f32(bestScore / inverseProbability(bestLogit));
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
