/**
 * Elements of a page, its radio buttons, and waiting until it is drawn.
 * @module
 */

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function element(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/** Lets the browser draw what was said before it is kept busy. */
export function painted() {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

/**
 * @param {HTMLFieldSetElement} group
 * @returns {string | null} Value of the chosen radio button.
 */
export function chosenIn(group) {
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
export function choose(group, value) {
  radio(group, value).checked = true;
}

/**
 * @param {HTMLFieldSetElement} group
 * @param {string} value
 * @param {boolean} isOffered What is not, is not shown either.
 */
export function setOffered(group, value, isOffered) {
  setEnabled(group, value, isOffered);
  const label = radio(group, value).closest("label");
  if (label) label.hidden = !isOffered;
}

/**
 * @param {HTMLFieldSetElement} group
 * @param {string} value
 * @param {boolean} isEnabled
 */
export function setEnabled(group, value, isEnabled) {
  radio(group, value).disabled = !isEnabled;
}
