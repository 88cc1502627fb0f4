/**
 * The regions that were asked for, one of which is being worked on: taps add to it, take away from it, are undone.
 * @module
 */

/**
 * @typedef {import("../tasks/prompt.js").Point} Point
 * @typedef {import("../tasks/prompt_encoding.js").Prompt} Prompt
 * @typedef {import("../tasks/prompt_encoding.js").PromptSpec} PromptSpec
 * @typedef {import("./passes.js").Region} Region
 * @typedef {Region["logits"]} Logits
 *
 * @typedef {object} Step A region as it was: its mask is made of the logits when it is wanted again.
 * @property {Prompt} prompt
 * @property {number} predictedIou
 * @property {Logits} logits
 * @property {Step | null} earlier What it was before its last tap.
 *
 * @typedef {object} Answer A region with what it was asked by.
 * @property {Step} step
 * @property {Uint8Array} mask (h0, w0).
 * @property {number} area Pixels of the photo.
 *
 * @typedef {"point" | "box" | "more" | "less"} Tool What a gesture asks for: "more" and "less" change a region.
 * @typedef {{prompt: Prompt, isChange: boolean}} Question
 */

/** What was asked about one photo. */
export class Regions {
  /** @type {Answer[]} */
  answers = [];
  /** Place of the one that is worked on: the last, unless another was chosen. */
  current = -1;

  /** @param {PromptSpec | null} spec What the model takes. */
  constructor(spec) {
    this.spec = spec;
  }

  /** @returns {Record<Tool, boolean>} Which tools there are for the model. */
  get tools() {
    const points = this.spec?.max_points ?? 0;
    const canTakeAway = points > 1 && Boolean(this.spec?.negative_points);
    return { point: points > 0, box: Boolean(this.spec?.boxes), more: points > 1, less: canTakeAway };
  }

  /**
   * @param {Prompt} gesture A tap or a box.
   * @param {Tool} tool
   * @returns {Question} Where a region is changed, it is asked for anew with one more point, from where it is. More of
   *   nothing is a new region.
   */
  asked(gesture, tool) {
    const step = this.answers[this.current]?.step;
    if (tool === "less" && !step) throw new Error("there is no region yet; ask for one with a tap or a box first");
    if (!step || (tool !== "more" && tool !== "less")) return { prompt: gesture, isChange: false };
    const { points = [], positive = points.map(() => true), box } = step.prompt;
    const added = gesture.points ?? [];
    const prompt = {
      points: [...points, ...added],
      positive: [...positive, ...added.map(() => tool === "more")],
      ...(box && { box }),
      ...(this.spec?.masks && { mask: step.logits.data }),
    };
    return { prompt, isChange: true };
  }

  /**
   * @param {Question} question
   * @param {Region} region The answer.
   * @returns {Answer}
   */
  take({ prompt, isChange }, { mask, predictedIou, logits }) {
    const { mask: _, ...kept } = prompt;
    const earlier = isChange ? this.answers[this.current].step : null;
    const answer = answerOf({ prompt: kept, predictedIou, logits, earlier }, mask);
    if (!isChange) this.current = this.answers.length;
    this.answers[this.current] = answer;
    return answer;
  }

  /**
   * Takes back the last tap of the current region; one that has no other goes.
   * @param {(logits: Logits) => Uint8Array} maskOf
   */
  undo(maskOf) {
    const step = this.answers[this.current]?.step;
    if (!step) return;
    if (step.earlier) this.answers[this.current] = answerOf(step.earlier, maskOf(step.earlier.logits));
    else {
      this.answers.splice(this.current, 1);
      this.current = this.answers.length - 1;
    }
  }
}

/**
 * @param {Step} step
 * @param {Uint8Array} mask
 * @returns {Answer}
 */
function answerOf(step, mask) {
  return { step, mask, area: mask.reduce((sum, value) => sum + value, 0) };
}
