/**
 * Measures what the plan of `rapsam bench --on browser` says, in turns, and sends back what came of it.
 * @module
 */

import { deviceFacts } from "./device.js";
import { pause } from "./sampling.js";
import { showDone, showFacts, showFailure, showPlan, showProgress, showVerdict } from "./show.js";

/**
 * @typedef {import("./variant.js").OpenVariant} OpenVariant
 * @typedef {import("./variant.js").Plan} Plan
 * @typedef {import("./show.js").Verdict} Verdict
 * @typedef {{place: number, frame: HTMLIFrameElement, variant: OpenVariant}} Opened
 */

const JSON_KIND = "application/json";
const BINARY_KIND = "application/octet-stream";
const SIGN_OF_LIFE_S = 10;
const SESSION = "rapsam-session";

let key = "";
let said = "";

/**
 * Sends something to the server of this page.
 * @param {string} path
 * @param {BodyInit} body
 * @param {string} kind
 * @returns {Promise<any>}
 */
async function post(path, body, kind) {
  const headers = { "Content-Type": kind, "X-Visit": key };
  const response = await fetch(path, { method: "POST", headers, body, redirect: "error" });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? `the computer answered HTTP ${response.status}`);
  return answer;
}

/**
 * @param {string} path
 * @param {unknown} content
 */
function postJson(path, content) {
  return post(path, JSON.stringify(content), JSON_KIND);
}

/**
 * Says what happens, here and on the computer. That a line of progress is lost changes nothing.
 * @param {string} line
 * @param {number} share
 */
function say(line, share) {
  said = line;
  showProgress(line, share);
  postJson("progress", { line }).catch(() => {});
}

/**
 * Opens all variants, one after another; one that fails is reported, and left out of the turns.
 * @param {Plan} plan
 * @returns {Promise<Opened[]>}
 */
async function openAll(plan) {
  const opened = [];
  for (const [place, { name }] of plan.variants.entries()) {
    const tell = (/** @type {string} */ what) => say(`${name}: ${what}`, (0.5 * place) / plan.variants.length);
    const frame = await openFrame();
    /** @type {any} */
    const inside = frame.contentWindow;
    const upload = (/** @type {string} */ where, /** @type {BufferSource} */ data) =>
      post(`outputs/${place}/${where}`, /** @type {BodyInit} */ (data), BINARY_KIND);
    try {
      opened.push({ place, frame, variant: await inside.openVariant(plan, place, { tell, upload }) });
    } catch (error) {
      await reportFailure(plan, place, error, !inside.isNotOffered(error));
      frame.remove();
    }
  }
  return opened;
}

/** @returns {Promise<HTMLIFrameElement>} */
async function openFrame() {
  const frame = document.createElement("iframe");
  frame.src = "variant.html";
  const loaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
  document.body.append(frame);
  await loaded;
  return frame;
}

/**
 * Lets all that are open take their turns; every other round goes backwards.
 * @param {Plan} plan
 * @param {Opened[]} opened
 */
async function takeTurns(plan, opened) {
  const { rounds, pause_s, sustained_s } = plan.timing;
  const able = new Set(opened);
  const visit = async (/** @type {Opened} */ one, /** @type {() => Promise<void>} */ turn) => {
    try {
      await turn();
    } catch (error) {
      able.delete(one);
      await reportFailure(plan, one.place, error, true);
    }
    await pause(pause_s);
  };
  for (let round = 0; round < rounds; round++) {
    for (const one of round % 2 ? [...able].reverse() : [...able]) {
      say(`${plan.variants[one.place].name}: round ${round + 1} of ${rounds}`, 0.5 + (0.5 * round) / rounds);
      await visit(one, () => one.variant.burst());
    }
  }
  if (sustained_s) for (const one of [...able]) await visit(one, () => one.variant.sustained());
  for (const one of able) await report(plan, one.place, one.variant.report());
  for (const { frame } of opened) frame.remove();
}

/**
 * @param {Plan} plan
 * @param {number} place
 * @param {unknown} record
 */
async function report(plan, place, record) {
  /** @type {Verdict} */
  const verdict = await postJson(`record/${place}`, record);
  showVerdict(plan.variants[place].name, verdict);
}

/**
 * @param {Plan} plan
 * @param {number} place
 * @param {any} error
 * @param {boolean} isOffered False where this browser has no such unit.
 */
async function reportFailure(plan, place, error, isOffered) {
  const failed = String(error?.message ?? error).replace(/[^\x20-\x7e]+/g, " ").slice(0, 500) || "unknown error";
  await report(plan, place, { failed, is_offered: isOffered });
}

/**
 * Makes a number that stays when the page is loaded anew: then it is the same visitor.
 * @returns {string}
 */
function session() {
  const made = Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(16)).join("-");
  try {
    const known = sessionStorage.getItem(SESSION) ?? made;
    sessionStorage.setItem(SESSION, known);
    return known;
  } catch {
    return made; // where pages may not keep anything
  }
}

async function main() {
  /** @type {Plan} */
  const plan = await (await fetch("plan.json")).json();
  showPlan(plan);
  const device = await deviceFacts();
  showFacts(device);
  key = (await postJson("visit", { session: session(), device })).key;
  const alive = setInterval(() => postJson("progress", { line: said }).catch(() => {}), 1000 * SIGN_OF_LIFE_S);
  // A dark screen slows everything down, or stops it. Secure pages only.
  const awake = await navigator.wakeLock?.request("screen").catch(() => null);
  try {
    await takeTurns(plan, await openAll(plan));
  } finally {
    clearInterval(alive);
    await awake?.release();
  }
  showDone();
}

main().catch(showFailure);
