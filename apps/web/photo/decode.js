/**
 * From an image file to pixels, decoded by the browser: turned upright, transparency on white, colour profiles
 * not applied, as rapsam/data/images.py does it.
 * @module
 */

/** @typedef {import("../tasks/geometry.js").Picture} Picture */

/** As in rapsam/data/limits.py. */
const MIN_SIDE = 2;
const MAX_SIDE = 16384;
const MAX_PIXELS = 100e6;
/** What canvases of all browsers can hold: a larger photo is made smaller. */
const CANVAS_PIXELS = 4096 * 4096;

/**
 * @param {File} file
 * @returns {Promise<{picture: Picture, note: string}>} The note says what was changed; empty if nothing was.
 */
export async function readPhoto(file) {
  const bitmap = await decoded(file);
  try {
    const { width, height } = bitmap;
    checkSize(file.name, width, height);
    const scale = Math.min(1, Math.sqrt(CANVAS_PIXELS / (width * height)));
    const picture = pixelsOf(bitmap, Math.max(1, Math.floor(width * scale)), Math.max(1, Math.floor(height * scale)));
    const note =
      scale < 1
        ? `The photo has ${width} x ${height} pixels, more than a page can hold everywhere: it is shown and ` +
          `segmented at ${picture.width} x ${picture.height}.`
        : "";
    return { picture, note };
  } finally {
    bitmap.close();
  }
}

/** @param {File} file */
async function decoded(file) {
  if (file.size === 0) throw new Error(`${file.name} is empty; take another photo`);
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    throw new Error(
      `${file.name} cannot be read: it is damaged, too large for this browser, or of a format that it does not ` +
        "know; take a JPEG, PNG or WebP",
    );
  }
}

/**
 * @param {string} name
 * @param {number} width
 * @param {number} height
 */
function checkSize(name, width, height) {
  if (Math.min(width, height) < MIN_SIDE) {
    throw new Error(`${name} is ${width}x${height} px; expected sides of at least ${MIN_SIDE} px: take a larger one`);
  }
  if (Math.max(width, height) > MAX_SIDE || width * height > MAX_PIXELS) {
    throw new Error(
      `${name} is ${width}x${height} px; expected sides of at most ${MAX_SIDE} px and at most ` +
        `${MAX_PIXELS / 1e6} megapixels: scale it down first`,
    );
  }
}

/**
 * @param {ImageBitmap} bitmap
 * @param {number} width
 * @param {number} height
 * @returns {Picture}
 */
function pixelsOf(bitmap, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error(`this browser gives no canvas of ${width}x${height} px; take a smaller photo`);
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  return { data: context.getImageData(0, 0, width, height).data, width, height, channels: 4 };
}
