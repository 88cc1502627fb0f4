/// What the pixels of one axis of the original image are blended from: mask logits, enlarged to the padded size, the
/// padding cut off, and the rest resized to the original size, as one set of weights per pixel.
struct AxisWeights {
    /// First source pixel of each; `count` of them lie within the source.
    private(set) var first: [Int]
    /// Weights of each.
    let count: Int
    /// `count` for each pixel; 0 where fewer are needed.
    private(set) var weights: [Float]

    init(source: Int, padded: Int, content: Int, original: Int) {
        let outer = AxisTaps(source: content, target: original)
        let inner = AxisTaps(source: source, target: padded)
        var row = [Float](repeating: 0, count: source)
        let needed = (0..<original).map { Self.needed(by: $0, outer, inner, &row) }
        let count = needed.map(\.weights.count).max() ?? 1
        first = needed.map { min($0.begin, source - count) }
        weights = [Float](repeating: 0, count: original * count)
        for (pixel, one) in needed.enumerated() {
            let shift = one.begin - first[pixel]
            for (place, weight) in one.weights.enumerated() { weights[pixel * count + shift + place] = weight }
        }
        self.count = count
    }

    /// Weights of a pixel, without the zeros around them, and where they begin.
    private static func needed(
        by pixel: Int, _ outer: AxisTaps, _ inner: AxisTaps, _ row: inout [Float]
    ) -> (begin: Int, weights: [Float]) {
        let from = inner.lower[outer.lower[pixel]]
        let to = inner.upper[outer.upper[pixel]] + 1
        for place in from..<to { row[place] = 0 }
        let isBorder = outer.lower[pixel] == outer.upper[pixel]
        let second = outer.weight[pixel]
        let rest = 1 - second
        addShares(&row, inner, outer.lower[pixel], isBorder ? rest + second : rest)
        if !isBorder && second > 0 { addShares(&row, inner, outer.upper[pixel], second) }
        var begin = from
        while row[begin] == 0 { begin += 1 }
        var end = to
        while row[end - 1] == 0 { end -= 1 }
        return (begin, Array(row[begin..<end]))
    }

    private static func addShares(_ row: inout [Float], _ inner: AxisTaps, _ place: Int, _ share: Float) {
        let isBorder = inner.lower[place] == inner.upper[place]
        let second = inner.weight[place]
        let rest = 1 - second
        row[inner.lower[place]] += share * (isBorder ? rest + second : rest)
        if !isBorder && second > 0 { row[inner.upper[place]] += share * second }
    }

    /// Pieces of at most so many pixels: their place in the original, and what they read of the source.
    func pieces(_ side: Int) -> [(original: Range<Int>, source: Range<Int>)] {
        stride(from: 0, to: first.count, by: side).map { start in
            let end = min(start + side, first.count)
            return (start..<end, first[start]..<first[end - 1] + count)
        }
    }
}
