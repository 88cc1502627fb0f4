/**
 * The page on which a photo is segmented: what people do, what is computed, what is shown.
 * @module
 */

import { readPhoto } from "./photo/decode.js";
import { segmentNames, showLegend } from "./photo/legend.js";
import { panopticPicture, promptPicture, segmentColour } from "./photo/pictures.js";
import { PageSegmenter } from "./photo/segmenter.js";
import { Stage } from "./photo/stage.js";
import { classColour } from "./tasks/palette.js";

/**
 * @typedef {import("./photo/legend.js").Entry} Entry
 * @typedef {import("./photo/pictures.js").Answer} Answer
 * @typedef {import("./tasks/geometry.js").Picture} Picture
 * @typedef {import("./tasks/panoptic.js").PanopticResult} PanopticResult
 * @typedef {import("./tasks/prompt.js").Prompt} Prompt
 * @typedef {"objects" | "masks" | "photo"} View
 */

const MOST_THREADS = 4;

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

const parts = {
  file: element("file", HTMLInputElement),
  drop: element("drop", HTMLLabelElement),
  status: element("status", HTMLParagraphElement),
  problem: element("problem", HTMLParagraphElement),
  note: element("note", HTMLParagraphElement),
  work: element("work", HTMLDivElement),
  views: element("views", HTMLFieldSetElement),
  tools: element("tools", HTMLFieldSetElement),
  canvas: element("photo", HTMLCanvasElement),
  cross: element("cross", HTMLDivElement),
  band: element("band", HTMLDivElement),
  how: element("how", HTMLParagraphElement),
  found: element("found", HTMLHeadingElement),
  legend: element("legend", HTMLOListElement),
  clear: element("clear", HTMLButtonElement),
  save: element("save", HTMLAnchorElement),
  facts: element("facts", HTMLParagraphElement),
};

/** What is on the page. */
class PhotoPage {
  /** @type {Picture | null} */
  #photo = null;
  /** @type {PanopticResult | null} */
  #objects = null;
  /** @type {Answer[]} */
  #answers = [];
  /** @type {View} */
  #view = "photo";
  /** @type {number | null} Place of the entry that is shown alone. */
  #only = null;
  /** Photos so far: what is asked of one is not answered on the next. */
  #number = 0;
  /** @type {Promise<void>} The end of all that was asked: graphs run one after another. */
  #work = Promise.resolve();

  /** @param {PageSegmenter} segmenter */
  constructor(segmenter) {
    this.segmenter = segmenter;
    this.stage = new Stage(parts, (prompt) => this.#ask(prompt));
    parts.file.addEventListener("change", () => this.#take(parts.file.files?.[0]));
    parts.clear.addEventListener("click", () => this.#clear());
    parts.save.addEventListener("click", () => this.#save());
    parts.views.addEventListener("change", () => this.#show(/** @type {View} */ (chosenIn(parts.views))));
    parts.tools.addEventListener("change", () => this.#useTool());
    document.addEventListener("dragover", (event) => this.#over(event, true));
    document.addEventListener("dragleave", (event) => this.#over(event, false));
    document.addEventListener("drop", (event) => {
      this.#over(event, false);
      this.#take(event.dataTransfer?.files[0]);
    });
    parts.file.disabled = false;
    this.#offerTools();
  }

  /** Shows what the bundle can be asked with. */
  #offerTools() {
    const { prompted, manifest } = this.segmenter;
    const spec = prompted ? manifest.prompts : null;
    const takes = { point: (spec?.max_points ?? 0) > 0, box: Boolean(spec?.boxes) };
    for (const [tool, isTaken] of Object.entries(takes)) setEnabled(parts.tools, tool, isTaken);
    parts.tools.hidden = !(takes.point && takes.box);
    if (takes.point || takes.box) choose(parts.tools, takes.point ? "point" : "box");
    setEnabled(parts.views, "masks", takes.point || takes.box);
    this.#useTool();
  }

  #useTool() {
    const tool = /** @type {"point" | "box" | null} */ (chosenIn(parts.tools));
    this.stage.use(tool);
    const keys = "With the keyboard: arrow keys move the cross, Shift moves it farther, ";
    const how = {
      point: `Tap or click a thing to get its region. ${keys}Enter asks.`,
      box: `Drag a box around a thing to get its region. ${keys}Enter sets one corner, then the other.`,
    };
    parts.how.textContent = tool ? how[tool] : "This bundle takes no taps or boxes.";
    parts.canvas.setAttribute("aria-label", tool ? "Photo; ask for the region under the cross" : "Photo");
  }

  /**
   * @param {DragEvent} event
   * @param {boolean} isOver
   */
  #over(event, isOver) {
    event.preventDefault();
    parts.drop.classList.toggle("over", isOver);
  }

  /** @param {File | undefined} file */
  #take(file) {
    if (!file) return;
    parts.file.value = "";
    this.#number += 1;
    this.#queue(`Reading ${file.name}`, async () => {
      const { picture, note } = await readPhoto(file);
      this.segmenter.take(picture);
      this.#photo = picture;
      this.#objects = null;
      this.#answers = [];
      parts.work.hidden = false;
      parts.note.textContent = note;
      parts.note.hidden = !note;
      this.stage.begin(picture);
      this.#show("photo");
      say(`${file.name}, ${picture.width} x ${picture.height} pixels`);
      if (this.segmenter.finding) this.#find();
    });
  }

  #find() {
    this.#queue("Looking for objects", async () => {
      const start = performance.now();
      this.#objects = await this.segmenter.panoptic();
      const count = this.#objects.segments.length;
      say(`${count} ${count === 1 ? "segment" : "segments"} found in ${milliseconds(start)}`);
      this.#show("objects");
    });
  }

  /** @param {Prompt} prompt */
  #ask(prompt) {
    this.#queue("Looking for the region", async () => {
      const start = performance.now();
      const [{ mask, predictedIou }] = await this.segmenter.segment([prompt]);
      const area = mask.reduce((sum, value) => sum + value, 0);
      this.#answers.push({ prompt, mask, area, predictedIou });
      say(`Region ${this.#answers.length} has ${area.toLocaleString("en")} pixels, found in ${milliseconds(start)}`);
      this.#show("masks");
    });
  }

  /**
   * Does something after all that was asked before, unless another photo came meanwhile.
   * @param {string} step
   * @param {() => Promise<void>} job
   */
  #queue(step, job) {
    const number = this.#number;
    this.#work = this.#work.then(async () => {
      if (number !== this.#number) return;
      parts.problem.hidden = true;
      say(step);
      parts.canvas.setAttribute("aria-busy", "true");
      await painted();
      try {
        await job();
      } catch (error) {
        complain(error);
      } finally {
        parts.canvas.removeAttribute("aria-busy");
      }
    });
  }

  #clear() {
    this.#answers = [];
    this.#show(this.#objects ? "objects" : "photo");
  }

  /** @param {View} view */
  #show(view) {
    this.#view = view;
    this.#only = null;
    setEnabled(parts.views, "objects", this.#objects !== null);
    choose(parts.views, view);
    parts.clear.hidden = this.#answers.length === 0;
    this.#draw();
  }

  #draw() {
    const photo = this.#photo;
    if (!photo) return;
    const { entries, picture, title, nothing } = this.#shown(photo);
    this.stage.show(picture);
    parts.found.textContent = entries.length ? title : nothing;
    showLegend(parts.legend, entries, this.#only, (place) => {
      this.#only = place;
      this.#draw();
    });
  }

  /**
   * @param {Picture} photo
   * @returns {{entries: Entry[], picture: Picture, title: string, nothing: string}}
   */
  #shown(photo) {
    if (this.#view === "objects" && this.#objects) {
      return {
        entries: objectEntries(this.#objects, this.segmenter.labels),
        picture: panopticPicture(photo, this.#objects, this.#only),
        title: "Objects",
        nothing: "Nothing was found with enough certainty",
      };
    }
    if (this.#view === "masks") {
      return {
        entries: this.#answers.map(answerEntry),
        picture: promptPicture(photo, this.#answers, this.#only),
        title: "My regions",
        nothing: "No region yet",
      };
    }
    return { entries: [], picture: photo, title: "", nothing: "Photo" };
  }

  #save() {
    // The link is followed after this: what it leads to must be there by then.
    parts.save.href = parts.canvas.toDataURL("image/png");
  }
}

/**
 * @param {PanopticResult} result
 * @param {{name: string}[]} labels
 * @returns {Entry[]} Of the segments, in their order.
 */
function objectEntries({ segments, size }, labels) {
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
 * @returns {Entry}
 */
function answerEntry({ prompt, area, predictedIou }, place) {
  const numbers = (prompt.point ?? prompt.box ?? []).map((value) => Math.round(value)).join(", ");
  return {
    name: `${prompt.point ? "Tap" : "Box"} ${numbers}`,
    figure: `predicted IoU ${predictedIou.toFixed(2)}`,
    colour: classColour(place),
    data: { area: String(area) },
  };
}

/** @param {number} share */
function percent(share) {
  const value = 100 * share;
  return value > 0 && value < 0.5 ? "under 1 %" : `${Math.round(value)} %`;
}

/** @param {number} start */
function milliseconds(start) {
  return `${Math.round(performance.now() - start)} ms`;
}

/** @param {string} line */
function say(line) {
  parts.status.textContent = line;
}

/**
 * Says on the page, and in the log, what went wrong.
 * @param {unknown} error
 */
function complain(error) {
  const line = error instanceof Error ? error.message : String(error);
  console.warn(line);
  parts.problem.textContent = line;
  parts.problem.hidden = false;
  say("That did not work");
}

/** Lets the browser draw what was said before it is kept busy. */
function painted() {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

/**
 * @param {HTMLFieldSetElement} group
 * @returns {string | null} Value of the chosen radio button.
 */
function chosenIn(group) {
  return /** @type {HTMLInputElement | null} */ (group.querySelector("input:checked"))?.value ?? null;
}

/**
 * @param {HTMLFieldSetElement} group
 * @param {string} value
 * @returns {HTMLInputElement}
 */
function radio(group, value) {
  return /** @type {HTMLInputElement} */ (group.querySelector(`input[value="${value}"]`));
}

/**
 * @param {HTMLFieldSetElement} group
 * @param {string} value
 */
function choose(group, value) {
  radio(group, value).checked = true;
}

/**
 * @param {HTMLFieldSetElement} group
 * @param {string} value
 * @param {boolean} isEnabled
 */
function setEnabled(group, value, isEnabled) {
  radio(group, value).disabled = !isEnabled;
}

/** Loads the bundle that lies beside the page, into what the address asks for, as in "?unit=webgpu". */
function loaded() {
  const unit = new URLSearchParams(location.search).get("unit") ?? "wasm";
  const threads = globalThis.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, MOST_THREADS) : 1;
  return PageSegmenter.open({ bundle: "bundle", runtimes: "runtimes", unit, threads }, say);
}

/** @param {PageSegmenter} segmenter */
function begin(segmenter) {
  const { manifest, engine } = segmenter;
  const means = [engine.name, engine.version, engine.unit, engine.threads && `threads: ${engine.threads}`];
  parts.facts.textContent = `${manifest.model.name}, ${manifest.recipe}; ${means.filter(Boolean).join(", ")}`;
  new PhotoPage(segmenter);
  say("Ready: choose a photo");
}

/** What the page computes with. */
export const segmenter = loaded();
segmenter.then(begin).catch(complain);
