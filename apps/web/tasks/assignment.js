/**
 * The cheapest assignment of rows to columns (Hungarian matching), by shortest augmenting paths as SciPy's
 * `linear_sum_assignment` finds it, with the same choice among equals.
 * @module
 */

/** Assignments of one size, one after another. */
export class Assignment {
  /** @param {number} count Of rows, and of columns. */
  constructor(count) {
    this.count = count;
    /** (count, count), finite; to be filled in. */
    this.cost = new Float32Array(count * count);
    this.columnOf = new Int32Array(count);
    this.rowOf = new Int32Array(count);
    this.ofRows = new Float64Array(count);
    this.ofColumns = new Float64Array(count);
    this.shortest = new Float64Array(count);
    this.cameFrom = new Int32Array(count);
    this.remaining = new Int32Array(count);
    this.rowSeen = new Uint8Array(count);
    this.columnSeen = new Uint8Array(count);
  }

  /**
   * @returns {Int32Array} The column of every row; valid until the next call.
   */
  find() {
    this.columnOf.fill(-1);
    this.rowOf.fill(-1);
    this.ofRows.fill(0);
    this.ofColumns.fill(0);
    for (let row = 0; row < this.count; row++) this.#assign(row);
    return this.columnOf;
  }

  /**
   * Gives a row its column; rows before it may change theirs.
   * @param {number} row
   */
  #assign(row) {
    const sink = this.#path(row);
    const { count, columnOf, rowOf, ofRows, ofColumns, shortest } = this;
    const length = shortest[sink];
    ofRows[row] += length;
    for (let i = 0; i < count; i++) {
      if (this.rowSeen[i] && i !== row) ofRows[i] += length - shortest[columnOf[i]];
      if (this.columnSeen[i]) ofColumns[i] -= length - shortest[i];
    }
    for (let column = sink, at = -1; at !== row; ) {
      at = this.cameFrom[column];
      rowOf[column] = at;
      [columnOf[at], column] = [column, columnOf[at]];
    }
  }

  /**
   * Finds the shortest way from a row to a column that is free; `shortest` has its length.
   * @param {number} start
   * @returns {number} That column.
   */
  #path(start) {
    const { count, cost, shortest, remaining, rowOf } = this;
    shortest.fill(Infinity);
    this.rowSeen.fill(0);
    this.columnSeen.fill(0);
    for (let i = 0; i < count; i++) remaining[i] = count - i - 1;
    let left = count;
    let length = 0;
    for (let row = start; ; ) {
      this.rowSeen[row] = 1;
      let lowest = Infinity;
      let nearest = -1;
      for (let place = 0; place < left; place++) {
        const column = remaining[place];
        const reached = length + cost[row * count + column] - this.ofRows[row] - this.ofColumns[column];
        if (reached < shortest[column]) {
          this.cameFrom[column] = row;
          shortest[column] = reached;
        }
        // Of equal columns a free one is taken: it ends the search.
        if (shortest[column] < lowest || (shortest[column] === lowest && rowOf[column] === -1)) {
          lowest = shortest[column];
          nearest = place;
        }
      }
      if (nearest < 0) throw new Error("a cost is not finite");
      length = lowest;
      const column = remaining[nearest];
      this.columnSeen[column] = 1;
      if (rowOf[column] === -1) return column;
      row = rowOf[column];
      remaining[nearest] = remaining[--left];
    }
  }
}
