/**
 * The regions that were asked for, one of which is being worked on: taps add to it, take away from it, are undone.
 * @module
 */

/**
 * @typedef {import("../tasks/prompt.js").Point} Point
 * @typedef {import("../tasks/prompt_encoding.js").Prompt} Prompt
 * @typedef {import("../tasks/prompt_encoding.js").PromptSpec} PromptSpec
 * @typedef {import("./passes.js").Region} Region
 *
 * @typedef {object} Answer A region with what it was asked by.
 * @property {Prompt} prompt
 * @property {Region["mask"]} mask
 * @property {Region["predictedIou"]} predictedIou
 * @property {Region["logits"]} logits
 * @property {number} area Pixels of the photo.
 * @property {Answer | null} earlier What it was before its last tap.
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

  /** Whether taps may change a region. */
  get canChange() {
    return (this.spec?.max_points ?? 0) > 1 && Boolean(this.spec?.negative_points);
  }

  /**
   * @param {Point} point
   * @param {boolean} isPositive Whether the point shall lie in the region.
   * @returns {Prompt} Asks for the current region anew, with one more point, from where it is.
   */
  changed(point, isPositive) {
    const answer = this.answers[this.current];
    if (!answer || !this.spec) throw new Error("there is no region yet; ask for one with a tap or a box first");
    const { points = [], positive = points.map(() => true), box } = answer.prompt;
    return {
      points: [...points, point],
      positive: [...positive, isPositive],
      ...(box && { box }),
      ...(this.spec.masks && { mask: answer.logits }),
    };
  }

  /**
   * @param {Prompt} prompt
   * @param {Region} region
   * @param {boolean} isChange Of the current region; else it is a new one.
   * @returns {Answer}
   */
  take(prompt, region, isChange) {
    const area = region.mask.reduce((sum, value) => sum + value, 0);
    const earlier = isChange ? this.answers[this.current] : null;
    const answer = { ...region, prompt, area, earlier };
    if (!isChange) this.current = this.answers.length;
    this.answers[this.current] = answer;
    return answer;
  }

  /** Takes back the last tap of the current region; one that has no other goes. */
  undo() {
    const answer = this.answers[this.current];
    if (!answer) return;
    if (answer.earlier) this.answers[this.current] = answer.earlier;
    else {
      this.answers.splice(this.current, 1);
      this.current = this.answers.length - 1;
    }
  }
}
