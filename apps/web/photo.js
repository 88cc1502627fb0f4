/**
 * The page on which photos and videos are segmented: what people do, what is computed, what is shown.
 * @module
 */

import { choose, chosenIn, element, painted, setEnabled, setOffered } from "./photo/controls.js";
import { readPhoto } from "./photo/decode.js";
import { answerEntry, objectEntries } from "./photo/entries.js";
import { showLegend } from "./photo/legend.js";
import { Live } from "./photo/live.js";
import { MovingPictures } from "./photo/moving_pictures.js";
import { paintAnswers, paintObjects } from "./photo/pictures.js";
import { Regions } from "./photo/regions.js";
import { PageSegmenter } from "./photo/segmenter.js";
import { Stage } from "./photo/stage.js";

/**
 * @typedef {import("./photo/legend.js").Entry} Entry
 * @typedef {import("./tasks/geometry.js").Picture} Picture
 * @typedef {import("./tasks/panoptic.js").PanopticResult} PanopticResult
 * @typedef {import("./tasks/prompt_encoding.js").Prompt} Prompt
 * @typedef {"objects" | "masks" | "photo"} View
 * @typedef {import("./photo/regions.js").Tool} Tool
 */

const MOST_THREADS = 4;

const parts = {
  file: element("file", HTMLInputElement),
  drop: element("drop", HTMLLabelElement),
  camera: element("camera", HTMLButtonElement),
  decoders: element("decoders", HTMLDivElement),
  stop: element("stop", HTMLButtonElement),
  rate: element("rate", HTMLParagraphElement),
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
  undo: element("undo", HTMLButtonElement),
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
  #regions = new Regions(null);
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
    this.live = new Live(segmenter, this.stage, parts);
    parts.file.addEventListener("change", () => this.#take(parts.file.files?.[0]));
    parts.camera.addEventListener("click", () => this.#watch("the camera", () => MovingPictures.ofCamera(parts.decoders)));
    parts.stop.addEventListener("click", () => this.live.stop());
    parts.undo.addEventListener("click", () => this.#undo());
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
    parts.camera.hidden = !segmenter.finding;
    this.#offerTools();
  }

  /** Shows what the bundle can be asked with. */
  #offerTools() {
    const { tools } = new Regions(this.#spec);
    for (const [tool, isTaken] of Object.entries(tools)) setOffered(parts.tools, tool, isTaken);
    parts.tools.hidden = Object.values(tools).filter(Boolean).length < 2;
    setEnabled(parts.views, "masks", tools.point || tools.box);
    this.#useFirstTool();
  }

  get #spec() {
    return this.segmenter.prompted ? this.segmenter.manifest.prompts : null;
  }

  #useFirstTool() {
    const { tools } = new Regions(this.#spec);
    if (tools.point || tools.box) choose(parts.tools, tools.point ? "point" : "box");
    this.#useTool();
  }

  #useTool() {
    const tool = /** @type {Tool | null} */ (chosenIn(parts.tools));
    this.stage.use(tool === null || tool === "box" ? tool : "point");
    const keys = "With the keyboard: arrow keys move the cross, Shift moves it farther, ";
    const how = {
      point: `Tap or click a thing to get its region. ${keys}Enter asks.`,
      box: `Drag a box around a thing to get its region. ${keys}Enter sets one corner, then the other.`,
      more: `Tap what the region shall have too. ${keys}Enter asks.`,
      less: `Tap what the region shall not have. ${keys}Enter asks.`,
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
    if (file.type.startsWith("video/")) {
      this.#watch(file.name, () => MovingPictures.ofFile(parts.decoders, file));
      return;
    }
    this.#turnTo();
    this.#queue(`Reading ${file.name}`, async () => {
      const { picture, note } = await readPhoto(file);
      this.#put(picture, note);
      if (this.segmenter.finding) return this.#find();
      say(`Looking at ${file.name}`);
      await painted();
      await this.segmenter.prepare();
      say(`${file.name}, ${picture.width} x ${picture.height} pixels: ready for your questions`);
    });
  }

  /** Ends what is asked of anything before. */
  #turnTo() {
    this.#number += 1;
    this.live.stop();
  }

  /**
   * Shows a photo that questions may be asked about.
   * @param {Picture} picture
   * @param {string} note
   */
  #put(picture, note) {
    this.segmenter.take(picture);
    this.#photo = picture;
    this.#objects = null;
    this.#regions = new Regions(this.#spec);
    // There is no region that could be changed.
    if (["more", "less"].includes(chosenIn(parts.tools) ?? "")) this.#useFirstTool();
    parts.work.hidden = false;
    parts.note.textContent = note;
    parts.note.hidden = !note;
    this.stage.begin(picture);
    this.#show("photo");
  }

  /**
   * Shows moving pictures until they end or are stopped; the last frame then becomes the photo.
   * @param {string} name
   * @param {() => Promise<MovingPictures>} open
   */
  async #watch(name, open) {
    this.#turnTo();
    const number = this.#number;
    parts.problem.hidden = true;
    say(`Opening ${name}`);
    // Not in the queue: a person may be asked for the camera, and choose something else meanwhile.
    const pictures = await open().catch(complain);
    if (!pictures) return;
    if (number !== this.#number) return pictures.close();
    this.live.take(pictures);
    this.#queue(`Following ${name}`, () => this.#follow(name, number));
  }

  /**
   * @param {string} name
   * @param {number} number Of the photo or video that this is.
   */
  async #follow(name, number) {
    this.#photo = null;
    parts.note.hidden = true;
    parts.canvas.removeAttribute("aria-busy");
    this.stage.use(null);
    let last = null;
    try {
      last = await this.live.show();
    } finally {
      this.#useTool();
    }
    if (!last || number !== this.#number) return;
    this.#put(last, "");
    say(`The last picture of ${name}`);
    this.#find();
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

  /** @param {Prompt} gesture A tap or a box. */
  #ask(gesture) {
    const tool = /** @type {Tool} */ (chosenIn(parts.tools));
    this.#queue("Looking for the region", async () => {
      const start = performance.now();
      const regions = this.#regions;
      const question = regions.asked(gesture, tool);
      const [region] = await this.segmenter.segment([question.prompt]);
      const { area } = regions.take(question, region);
      const place = regions.current;
      say(`Region ${place + 1} has ${area.toLocaleString("en")} pixels, found in ${milliseconds(start)}`);
      this.#show("masks");
    });
  }

  #undo() {
    this.#queue("Undoing", async () => {
      this.#regions.undo((logits) => this.segmenter.maskOf(logits));
      const left = this.#regions.answers.length;
      say(left ? `${left} ${left === 1 ? "region" : "regions"} left` : "No region is left");
      this.#show("masks");
    });
  }

  /**
   * Does something after all that was asked before, unless another photo came meanwhile.
   * @param {() => void | Promise<void>} job
   */
  #afterwards(job) {
    const number = this.#number;
    this.#work = this.#work.then(() => (number === this.#number ? job() : undefined));
  }

  /**
   * The same, and says so.
   * @param {string} step
   * @param {() => Promise<void>} job
   */
  #queue(step, job) {
    this.#afterwards(async () => {
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
    this.#afterwards(() => {
      this.#regions = new Regions(this.#spec);
      this.#show(this.#objects ? "objects" : "photo");
    });
  }

  /** @param {View} view */
  #show(view) {
    this.#view = view;
    this.#only = null;
    setEnabled(parts.views, "objects", this.#objects !== null);
    choose(parts.views, view);
    parts.clear.hidden = parts.undo.hidden = this.#regions.answers.length === 0;
    this.#draw();
  }

  #draw() {
    const photo = this.#photo;
    if (!photo) return;
    const { entries, paint, title, nothing } = this.#shown();
    this.stage.show(photo, paint);
    parts.found.textContent = entries.length ? title : nothing;
    showLegend(parts.legend, entries, this.#only, (place) => {
      this.#only = place;
      const regions = this.#regions;
      // What was asked before is still about the region that was worked on then.
      if (this.#view === "masks" && place !== null) {
        this.#afterwards(() => {
          regions.current = place;
        });
      }
      this.#draw();
    });
  }

  /** @returns {{entries: Entry[], paint: (canvas: Picture) => void, title: string, nothing: string}} */
  #shown() {
    const objects = this.#objects;
    if (this.#view === "objects" && objects) {
      return {
        entries: objectEntries(objects, this.segmenter.labels),
        paint: (canvas) => paintObjects(canvas, objects, this.#only),
        title: "Objects",
        nothing: "Nothing was found with enough certainty",
      };
    }
    if (this.#view === "masks") {
      return {
        entries: this.#regions.answers.map((answer, place) => answerEntry(answer, place, this.#spec)),
        paint: (canvas) => paintAnswers(canvas, this.#regions.answers, this.#only),
        title: "My regions",
        nothing: "No region yet",
      };
    }
    return { entries: [], paint: () => {}, title: "", nothing: "Photo" };
  }

  #save() {
    // The link is followed after this: what it leads to must be there by then.
    parts.save.href = parts.canvas.toDataURL("image/png");
  }
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
