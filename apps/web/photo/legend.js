/**
 * The list of what was found: an entry shows that one alone, where one can be chosen.
 * @module
 */

/**
 * @typedef {import("../tasks/palette.js").Colour} Colour
 *
 * @typedef {object} Entry
 * @property {string} name
 * @property {string} figure
 * @property {Colour} colour
 * @property {Record<string, string>} data What the entry is, for scripts: attributes named "data-...".
 */

/**
 * @param {HTMLElement} list
 * @param {Entry[]} entries
 * @param {number | null} chosen Place of the entry that is shown alone.
 * @param {((place: number | null) => void) | null} choose None where entries change too fast to be chosen.
 */
export function showLegend(list, entries, chosen, choose) {
  const hadFocus = [...list.children].findIndex((item) => item.contains(document.activeElement));
  list.replaceChildren(
    ...entries.map((entry, place) => {
      const item = document.createElement("li");
      const line = lineOf(entry, choose ? "button" : "div");
      item.append(line);
      if (choose) {
        line.setAttribute("aria-pressed", String(place === chosen));
        line.addEventListener("click", () => choose(place === chosen ? null : place));
      }
      return item;
    }),
  );
  if (hadFocus >= 0) list.querySelectorAll("button")[hadFocus]?.focus();
}

/**
 * @param {Entry} entry
 * @param {"button" | "div"} kind
 */
function lineOf({ name, figure, colour, data }, kind) {
  const line = document.createElement(kind);
  if (line instanceof HTMLButtonElement) line.type = "button";
  line.className = "entry";
  Object.assign(line.dataset, data);
  const swatch = part("swatch", "");
  swatch.style.backgroundColor = `rgb(${colour.join(" ")})`;
  line.append(swatch, part("name", name), part("figure", figure));
  return line;
}

/**
 * @param {string} kind
 * @param {string} text
 */
function part(kind, text) {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  return span;
}

/**
 * Names segments: where a class has several objects, they are numbered.
 * @param {{classIndex: number}[]} segments
 * @param {{name: string}[]} labels
 * @returns {string[]}
 */
export function segmentNames(segments, labels) {
  return segments.map(({ classIndex }, place) => {
    const { name } = labels[classIndex];
    const alike = segments.filter((other) => other.classIndex === classIndex).length;
    const before = segments.slice(0, place).filter((other) => other.classIndex === classIndex).length;
    return alike > 1 ? `${name} ${before + 1}` : name;
  });
}
