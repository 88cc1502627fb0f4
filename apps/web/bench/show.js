/**
 * What people see of a measurement. All text is set as text: nothing that comes from outside becomes markup.
 * @module
 */

/**
 * @typedef {object} Verdict What the computer makes of a record.
 * @property {string} status "done", "failed" or "not offered".
 * @property {string | null} error
 * @property {string | null} self_test
 * @property {string | null} worst
 * @property {{name: string, p50_ms: number, n: number}[]} stages
 *
 * @typedef {import("./variant.js").Plan} Plan
 */

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * @param {string} tag
 * @param {string} text
 * @param {string} [kind] Class.
 * @returns {HTMLElement}
 */
function made(tag, text, kind = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

/** @param {Plan} plan */
export function showPlan({ variants }) {
  byId("subject").textContent = variants.map(({ name }) => name).join("; ");
}

/** @param {any} device */
export function showFacts(device) {
  const facts = {
    "says it is": [device.platform, device.platform_version, device.model].filter(Boolean).join(" ") || device.user_agent,
    processors: device.processors ?? "not told",
    "secure page": device.is_secure ? "yes" : "no: neither threads nor WebGPU here",
    "threads possible": device.is_isolated ? "yes" : "no",
    "clock step": `${device.clock_step_ms} ms`,
  };
  for (const [name, value] of Object.entries(facts)) byId("facts").append(made("dt", name), made("dd", String(value)));
}

/**
 * @param {string} line
 * @param {number} share Of the work that is done.
 */
export function showProgress(line, share) {
  byId("state").textContent = line;
  /** @type {HTMLProgressElement} */ (byId("progress")).value = share;
}

/** Says that all is sent. */
export function showDone() {
  showProgress("Done: the computer has the record.", 1);
  byId("hint").textContent = "You can close this page.";
}

/** @param {any} error */
export function showFailure(error) {
  byId("state").textContent = `It did not work: ${error?.message ?? error}`;
  byId("state").className = "bad";
  byId("hint").textContent = "Load this page again. If that does not help, start the command on the computer again.";
}

/**
 * Shows what came of a variant.
 * @param {string} name
 * @param {Verdict} verdict
 */
export function showVerdict(name, { status, error, self_test: selfTest, worst, stages }) {
  const card = document.createElement("article");
  card.className = "card";
  card.append(made("h2", name));
  if (status === "not offered") {
    card.append(made("p", `Not offered here: ${error}`, "note"));
  } else if (status === "failed") {
    // Of a wrong output the error says so itself.
    const said = selfTest === "failed" ? `${error?.[0].toUpperCase()}${error?.slice(1)}` : `Failed: ${error}`;
    card.append(made("p", said, "verdict bad"));
  } else if (selfTest) {
    card.append(made("p", `Right: the self-test ${selfTest === "passed" ? "passed" : `is ${selfTest}`}`, "verdict good"));
  } else {
    card.append(made("p", "Not compared: a bare file has no self-test", "note"));
  }
  if (worst) card.append(made("p", `Farthest from the reference: ${worst}`, "note"));
  if (stages.length) card.append(table(stages));
  byId("results").append(card);
}

/**
 * @param {Verdict["stages"]} stages
 * @returns {HTMLElement}
 */
function table(stages) {
  const element = document.createElement("table");
  const head = document.createElement("tr");
  head.append(...["stage", "median, ms", "runs"].map((text) => made("th", text)));
  element.append(head);
  for (const { name, p50_ms: median, n } of stages) {
    const row = document.createElement("tr");
    row.append(...[name, median.toFixed(2), String(n)].map((text) => made("td", text)));
    element.append(row);
  }
  return element;
}
