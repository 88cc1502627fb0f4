/**
 * Whether a file is the graph that its contract describes.
 * @module
 */

/**
 * Compares the names of inputs or outputs, in any order.
 * @param {string} kind "input" or "output".
 * @param {{name: string}[]} specs Of the contract.
 * @param {readonly string[]} names That the runtime found in the file.
 * @throws {Error} If they differ.
 */
export function checkNames(kind, specs, names) {
  const wanted = specs.map(({ name }) => name);
  if ([...wanted].sort().join() !== [...names].sort().join()) {
    throw new Error(`the file has the ${kind}s ${names.join(", ")}; its contract says ${wanted.join(", ")}`);
  }
}
