/**
 * SHA-256. Pages on a plain http address have no crypto.subtle, so there is an implementation here too.
 * @module
 */

/** Fractional parts of the cube roots of the first 64 primes, and of the square roots of the first 8. */
const [ROUND, START] = constants();

/**
 * Hashes bytes.
 * @param {Uint8Array} bytes
 * @returns {Promise<string>} The digest in lower-case hexadecimal digits.
 */
export async function sha256(bytes) {
  if (globalThis.crypto?.subtle) {
    const digest = await crypto.subtle.digest("SHA-256", /** @type {BufferSource} */ (bytes));
    return hex(new Uint8Array(digest));
  }
  return sha256Here(bytes);
}

/**
 * Hashes bytes without the help of the browser.
 * @param {Uint8Array} bytes
 * @returns {string} As `sha256`.
 */
export function sha256Here(bytes) {
  const state = Uint32Array.from(START);
  const words = new Uint32Array(64);
  const whole = bytes.length - (bytes.length % 64);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < whole; at += 64) mix(state, words, view, at);
  // The rest, a bit that ends it, and the number of bits as the last eight bytes of a block.
  const rest = bytes.length - whole;
  const end = new Uint8Array(rest < 56 ? 64 : 128);
  end.set(bytes.subarray(whole));
  end[rest] = 0x80;
  const endView = new DataView(end.buffer);
  endView.setUint32(end.length - 8, Math.floor(bytes.length / 2 ** 29));
  endView.setUint32(end.length - 4, (bytes.length * 8) % 2 ** 32);
  for (let at = 0; at < end.length; at += 64) mix(state, words, endView, at);
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, number) => digest.setUint32(4 * number, word));
  return hex(new Uint8Array(digest.buffer));
}

/**
 * Mixes a block of 64 bytes into the state.
 * @param {Uint32Array} state
 * @param {Uint32Array} words Scratch space for 64 of them.
 * @param {DataView} view
 * @param {number} at Where the block begins.
 */
function mix(state, words, view, at) {
  for (let i = 0; i < 16; i++) words[i] = view.getUint32(at + 4 * i);
  for (let i = 16; i < 64; i++) {
    const a = words[i - 15];
    const b = words[i - 2];
    const s0 = turned(a, 7) ^ turned(a, 18) ^ (a >>> 3);
    const s1 = turned(b, 17) ^ turned(b, 19) ^ (b >>> 10);
    words[i] = words[i - 16] + s0 + words[i - 7] + s1;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const one = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[i] + words[i]) | 0;
    const s0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
    const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] += word));
}

/**
 * @param {number} word
 * @param {number} by
 */
function turned(word, by) {
  return (word >>> by) | (word << (32 - by));
}

/**
 * @param {Uint8Array} bytes
 * @returns {string}
 */
function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @returns {[Uint32Array, Uint32Array]} */
function constants() {
  /** @type {number[]} */
  const primes = [];
  for (let number = 2; primes.length < 64; number++) {
    if (primes.every((prime) => number % prime)) primes.push(number);
  }
  // 32 bits behind the point are well within the 52 of a number; the integral parts fall away.
  const bits = (/** @type {number} */ root) => Math.floor((root % 1) * 2 ** 32);
  const round = Uint32Array.from(primes, (prime) => bits(Math.cbrt(prime)));
  return [round, Uint32Array.from(primes.slice(0, 8), (prime) => bits(Math.sqrt(prime)))];
}
