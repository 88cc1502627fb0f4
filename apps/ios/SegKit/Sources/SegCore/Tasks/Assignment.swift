/// Finds the cheapest assignment of rows to columns (Hungarian matching), by shortest augmenting paths as SciPy's
/// `linear_sum_assignment` finds it, with the same choice among equals.
///
/// - Parameter cost: (count, count), finite.
/// - Returns: The column of every row.
func cheapestAssignment(_ cost: [Float], count: Int) throws -> [Int] {
    var search = AssignmentSearch(cost, count)
    for row in 0..<count { try search.assign(row) }
    return search.columnOf
}

private struct AssignmentSearch {
    private(set) var columnOf: [Int]
    private let cost: [Float]
    private let count: Int
    private var rowOf: [Int]
    private var ofRows: [Double]
    private var ofColumns: [Double]
    private var shortest: [Double]
    private var cameFrom: [Int]
    private var remaining: [Int]
    private var rowSeen: [Bool]
    private var columnSeen: [Bool]
    private var length = 0.0

    init(_ cost: [Float], _ count: Int) {
        self.cost = cost
        self.count = count
        columnOf = [Int](repeating: -1, count: count)
        rowOf = columnOf
        ofRows = [Double](repeating: 0, count: count)
        ofColumns = ofRows
        shortest = ofRows
        cameFrom = columnOf
        remaining = columnOf
        rowSeen = [Bool](repeating: false, count: count)
        columnSeen = rowSeen
    }

    /// Gives a row its column; rows before it may change theirs.
    mutating func assign(_ row: Int) throws {
        let sink = try path(from: row)
        ofRows[row] += length
        for i in 0..<count {
            if rowSeen[i] && i != row { ofRows[i] += length - shortest[columnOf[i]] }
            if columnSeen[i] { ofColumns[i] -= length - shortest[i] }
        }
        var column = sink
        while true {
            let at = cameFrom[column]
            rowOf[column] = at
            let before = columnOf[at]
            columnOf[at] = column
            column = before
            if at == row { return }
        }
    }

    /// Finds the shortest way from a row to a column that is free, and its length.
    private mutating func path(from start: Int) throws -> Int {
        for i in 0..<count {
            shortest[i] = .infinity
            rowSeen[i] = false
            columnSeen[i] = false
            remaining[i] = count - i - 1
        }
        var left = count
        var row = start
        length = 0
        while true {
            rowSeen[row] = true
            let nearest = try nearest(to: row, left)
            let column = remaining[nearest]
            columnSeen[column] = true
            if rowOf[column] == -1 { return column }
            row = rowOf[column]
            left -= 1
            remaining[nearest] = remaining[left]
        }
    }

    /// Looks from a row at the columns that remain; sets `length`.
    private mutating func nearest(to row: Int, _ left: Int) throws -> Int {
        var lowest = Double.infinity
        var nearest = -1
        for place in 0..<left {
            let column = remaining[place]
            let reached = length + Double(cost[row * count + column]) - ofRows[row] - ofColumns[column]
            if reached < shortest[column] {
                cameFrom[column] = row
                shortest[column] = reached
            }
            // Of equal columns a free one is taken: it ends the search.
            if shortest[column] < lowest || (shortest[column] == lowest && rowOf[column] == -1) {
                lowest = shortest[column]
                nearest = place
            }
        }
        guard nearest >= 0 else {
            throw Problem("queries cannot be matched: a cost is not finite; export the bundle at fp32")
        }
        length = lowest
        return nearest
    }
}
