/**
 * Frames of a camera or of a video file, one after another, as this browser decodes them.
 * @module
 */

/** @typedef {import("../tasks/geometry.js").Picture} Picture */

/** Frames are made smaller, to this longer side: more is not looked at while things move. */
const LONGEST = 640;
/** A file is played slowly, so that it can be paused at a frame before the next one has gone by. */
const PLAYED = 0.5;
/** An event of this file's own: nobody waits for frames any more. */
const CLOSED = "rapsam-closed";
/** @type {Record<string, string>} What browsers call the reasons why there is no camera. */
const REFUSALS = {
  NotAllowedError: "the camera was refused; allow it for this page in the browser's settings, or choose a file",
  NotFoundError: "this device has no camera; choose a file",
  NotReadableError: "the camera cannot be read; close what else uses it, or choose a file",
};

/** Plays in an element of its own, which has to be in the page: some browsers decode nothing that is not. */
export class MovingPictures {
  #isClosed = false;
  #canvas = document.createElement("canvas");
  /** @type {Promise<boolean>} Whether there is another frame; waited for before anything can bring one. */
  #coming = Promise.resolve(false);
  #hasCome = false;

  /**
   * @param {HTMLElement} place Of the page, not seen.
   * @param {boolean} isLive A camera goes on while a frame is looked at; a file waits.
   * @param {() => void} release Gives back what the video came from.
   */
  constructor(place, isLive, release) {
    this.video = document.createElement("video");
    this.video.muted = this.video.playsInline = true;
    place.append(this.video);
    this.#expect();
    this.isLive = isLive;
    this.release = release;
  }

  /**
   * @param {HTMLElement} place
   * @returns {Promise<MovingPictures>} Of the camera that looks away from the person, where there are two.
   */
  static async ofCamera(place) {
    if (!navigator.mediaDevices) {
      throw new Error("browsers give the camera to https pages and to localhost only; record a video and choose that file");
    }
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).catch((error) => {
      throw new Error(REFUSALS[error.name] ?? `the camera does not start: ${error.message}; choose a file`);
    });
    const release = () => stream.getTracks().forEach((track) => track.stop());
    const pictures = new MovingPictures(place, true, release);
    stream.getVideoTracks()[0].addEventListener("ended", () => pictures.close());
    pictures.video.srcObject = stream;
    return pictures;
  }

  /**
   * @param {HTMLElement} place
   * @param {File} file
   * @returns {Promise<MovingPictures>}
   */
  static async ofFile(place, file) {
    const url = URL.createObjectURL(file);
    const pictures = new MovingPictures(place, false, () => URL.revokeObjectURL(url));
    const { video } = pictures;
    video.defaultPlaybackRate = PLAYED;
    video.src = url;
    try {
      await new Promise((resolve, reject) => {
        video.onloadeddata = () => (video.videoWidth ? resolve(null) : reject());
        video.onerror = reject;
      });
    } catch {
      pictures.close();
      throw new Error(
        `${file.name} cannot be played: it is damaged, or of a format that this browser does not know; ` +
          "take an MP4 (H.264) or a WebM",
      );
    }
    return pictures;
  }

  /** @returns {Promise<Picture | null>} The next frame; null after the last one, or when it was closed. */
  async next() {
    const { video } = this;
    if (!this.#hasCome) {
      if (this.#isClosed || video.ended) return null;
      video.play().catch(() => {}); // closed meanwhile
    }
    if (!(await this.#coming) || this.#isClosed) return null;
    if (!this.isLive) video.pause();
    this.#expect();
    return this.#grabbed();
  }

  #expect() {
    this.#hasCome = false;
    this.#coming = presented(this.video).then((isThere) => {
      this.#hasCome = true;
      return isThere;
    });
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.video.dispatchEvent(new Event(CLOSED));
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.srcObject = null;
    this.video.remove();
    this.release();
  }

  /** @returns {Picture} */
  #grabbed() {
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.min(1, LONGEST / Math.max(videoWidth, videoHeight));
    const width = Math.max(1, Math.round(videoWidth * scale));
    const height = Math.max(1, Math.round(videoHeight * scale));
    const canvas = this.#canvas;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error(`this browser gives no canvas of ${width}x${height} px; close other pages`);
    context.drawImage(this.video, 0, 0, width, height);
    return { data: context.getImageData(0, 0, width, height).data, width, height, channels: 4 };
  }
}

/**
 * @param {HTMLVideoElement} video
 * @returns {Promise<boolean>} Whether there is another frame.
 */
function presented(video) {
  const listening = new AbortController();
  return new Promise((resolve) => {
    /** @param {boolean} isThere */
    const tell = (isThere) => {
      listening.abort();
      resolve(isThere);
    };
    video.requestVideoFrameCallback(() => tell(true));
    for (const end of ["ended", "error", CLOSED]) video.addEventListener(end, () => tell(false), listening);
  });
}
