/**
 * The photo on the page, where people point at things: by mouse, touch or keyboard.
 * @module
 */

/**
 * @typedef {import("../tasks/geometry.js").Picture} Picture
 * @typedef {import("../tasks/prompt.js").Box} Box
 * @typedef {import("../tasks/prompt.js").Point} Point
 * @typedef {import("../tasks/prompt_encoding.js").Prompt} Prompt
 *
 * @typedef {object} Parts Elements of the page.
 * @property {HTMLCanvasElement} canvas
 * @property {HTMLElement} cross Shows where the keyboard points.
 * @property {HTMLElement} band Shows the box that is drawn.
 */

/** Share of the photo that an arrow key moves the cross by; with Shift, five times as much. */
const STEP = 0.01;
/** Movements of a finger below this many pixels of the screen are a tap. */
const SMALLEST_DRAG = 6;
/** @type {Record<string, Point>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
/** Of photos with smaller sides every pixel is shown. */
const TINY = 200;

/** Shows pictures and turns gestures into prompts. */
export class Stage {
  /** @type {Point | null} Where a box begins, in pixels of the photo. */
  #corner = null;
  /** @type {Point} */
  #pointed = [0, 0];
  /** What is on the canvas. */
  #image = new ImageData(1, 1);

  /**
   * @param {Parts} parts
   * @param {(prompt: Prompt) => void} ask
   */
  constructor(parts, ask) {
    this.parts = parts;
    this.ask = ask;
    /** @type {"point" | "box" | null} What a gesture means; null while nothing can be asked. */
    this.tool = null;
    const { canvas } = parts;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", () => this.#forget());
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => (parts.cross.hidden = true));
  }

  /**
   * Takes a photo of another size.
   * @param {Picture} picture
   */
  begin({ width, height }) {
    const { canvas } = this.parts;
    canvas.width = width;
    canvas.height = height;
    this.#image = new ImageData(width, height);
    canvas.parentElement?.style.setProperty("--aspect", String(width / height));
    canvas.classList.toggle("tiny", Math.max(width, height) < TINY);
    this.#pointed = [width / 2, height / 2];
    this.#forget();
  }

  /** @param {"point" | "box" | null} tool */
  use(tool) {
    this.tool = tool;
    this.parts.canvas.classList.toggle("boxes", tool === "box");
    this.#forget();
  }

  /**
   * @param {Picture} picture R, G, B and opacity, of the size that `begin` was told.
   * @param {(canvas: Picture) => void} paint Paints on a copy of it.
   */
  show(picture, paint) {
    const image = this.#image;
    image.data.set(picture.data);
    paint({ ...picture, data: image.data });
    this.parts.canvas.getContext("2d")?.putImageData(image, 0, 0);
  }

  #forget() {
    this.#corner = null;
    this.parts.band.hidden = true;
  }

  /**
   * @param {PointerEvent} event
   * @returns {Point} In pixels of the photo, inside it.
   */
  #place(event) {
    const { canvas } = this.parts;
    const shown = canvas.getBoundingClientRect();
    return inside(
      [
        ((event.clientX - shown.left) * canvas.width) / shown.width,
        ((event.clientY - shown.top) * canvas.height) / shown.height,
      ],
      canvas,
    );
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button !== 0 || !event.isPrimary || this.tool !== "box") return;
    this.#corner = this.#place(event);
    this.parts.canvas.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (this.#corner && event.isPrimary) this.#showBand(this.#corner, this.#place(event));
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    this.parts.cross.hidden = true;
    if (this.tool === "point") this.ask({ points: [this.#place(event)] });
    if (this.tool === "box" && this.#corner) this.#finishBox(this.#place(event));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { canvas, cross } = this.parts;
    if (this.tool === null || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") return this.#forget();
    const arrow = ARROWS[event.key];
    const isAnswer = event.key === "Enter" || event.key === " ";
    if (!arrow && !isAnswer) return;
    event.preventDefault();
    if (arrow) {
      const step = STEP * Math.max(canvas.width, canvas.height) * (event.shiftKey ? 5 : 1);
      this.#pointed = inside([this.#pointed[0] + arrow[0] * step, this.#pointed[1] + arrow[1] * step], canvas);
      if (this.#corner) this.#showBand(this.#corner, this.#pointed);
    } else if (this.tool === "point") this.ask({ points: [[...this.#pointed]] });
    else if (this.#corner) this.#finishBox(this.#pointed);
    else this.#corner = [...this.#pointed];
    cross.hidden = false;
    cross.style.left = `${(100 * this.#pointed[0]) / canvas.width}%`;
    cross.style.top = `${(100 * this.#pointed[1]) / canvas.height}%`;
  }

  /** @param {Point} end */
  #finishBox(end) {
    const { canvas } = this.parts;
    const box = this.#corner && boxOf(this.#corner, end);
    this.#forget();
    const onScreen = canvas.getBoundingClientRect().width / canvas.width;
    if (box && Math.min(box[2] - box[0], box[3] - box[1]) * onScreen >= SMALLEST_DRAG) this.ask({ box });
  }

  /**
   * @param {Point} start
   * @param {Point} end
   */
  #showBand(start, end) {
    const { band, canvas } = this.parts;
    const [x1, y1, x2, y2] = boxOf(start, end);
    band.hidden = false;
    band.style.left = `${(100 * x1) / canvas.width}%`;
    band.style.top = `${(100 * y1) / canvas.height}%`;
    band.style.width = `${(100 * (x2 - x1)) / canvas.width}%`;
    band.style.height = `${(100 * (y2 - y1)) / canvas.height}%`;
  }
}

/**
 * @param {Point} point
 * @param {{width: number, height: number}} size
 * @returns {Point} The nearest one inside; the far borders are outside.
 */
function inside([x, y], { width, height }) {
  return [Math.min(Math.max(x, 0), width - 0.01), Math.min(Math.max(y, 0), height - 0.01)];
}

/**
 * @param {Point} one
 * @param {Point} other
 * @returns {Box}
 */
function boxOf(one, other) {
  return [
    Math.min(one[0], other[0]),
    Math.min(one[1], other[1]),
    Math.max(one[0], other[0]),
    Math.max(one[1], other[1]),
  ];
}
