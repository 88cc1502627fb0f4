import Foundation

/// A mask covers the pixels where its probability is at least this.
private let covered: Float = 0.5
private let slack: Float = 1e-4

/// Some of the maps of an array.
struct Contenders {
    let logits: UnsafePointer<Float>
    /// Which maps, by their place.
    let maps: [Int]
    /// One per map, positive.
    let scores: [Float]
}

/// Which of several masks each pixel of the original image goes to; rapsam/tasks/mask_fusion.py.
///
/// Only masks that may matter to a tile are enlarged there: a mask stays between the smallest and the largest of its
/// logits that the tile reads, so one that can neither win a pixel nor cover one is left out. A video keeps one of these,
/// with its arrays, for all frames. Not for several threads at a time.
public final class MaskFusion {
    private let enlarger: Enlarger
    private let best: Memory<Float>
    private var bounds = Memory<Float>(0, count: 0)

    /// (h0, w0) place of the mask with the largest score times probability; the first of equals.
    let winners: Memory<Int32>
    /// (h0, w0) whether the winner covers the pixel.
    let confident: Memory<Bool>
    /// (N) pixels won.
    private(set) var won: [Int] = []
    /// (N) pixels covered, won or not.
    private(set) var own: [Int] = []

    public init(source: PixelSize, geometry: Geometry) {
        enlarger = Enlarger(source: source, geometry: geometry)
        best = Memory(0, count: enlarger.values.count)
        winners = Memory(0, count: geometry.original.area)
        confident = Memory(false, count: geometry.original.area)
    }

    /// Size of the maps that it takes.
    public var source: PixelSize { enlarger.source }

    /// How the image lies.
    public var geometry: Geometry { enlarger.geometry }

    /// Assigns every pixel of the original image to one of the masks; there is at least one.
    func fuse(_ masks: Contenders) {
        let count = masks.maps.count
        won = [Int](repeating: 0, count: count)
        own = [Int](repeating: 0, count: count)
        if bounds.count < 2 * count { bounds = Memory(0, count: 2 * count) }
        winners.fill(0)
        confident.fill(false)
        let lowest = masks.scores.min() ?? 1
        for tile in enlarger.tiles {
            best.fill(-.infinity)
            let bar = findBounds(masks, tile)
            for mask in 0..<count {
                let highest = bounds[2 * mask + 1]
                if masks.scores[mask] * highest < bar && highest < covered - slack { continue }
                enlarger.enlarge(masks.logits + masks.maps[mask] * source.area, tile)
                own[mask] += contend(mask, masks.scores, lowest, tile)
            }
            countWinners(tile)
        }
    }

    /// Finds the lowest and the highest probability of every mask in a tile; returns what wins a pixel at least.
    private func findBounds(_ masks: Contenders, _ tile: Tile) -> Float {
        var bar: Float = 0
        for mask in 0..<masks.maps.count {
            var low = Float.infinity
            var high = -Float.infinity
            for y in tile.sourceRows {
                let row = masks.logits + (masks.maps[mask] * source.height + y) * source.width
                for x in tile.sourceColumns {
                    let logit = row[x]
                    low = logit < low ? logit : low
                    high = logit > high ? logit : high
                }
            }
            bounds[2 * mask] = 1 / inverseProbability(low)
            bounds[2 * mask + 1] = 1 / inverseProbability(high)
            bar = max(bar, masks.scores[mask] * bounds[2 * mask])
        }
        return bar * (1 - slack)
    }

    /// Lets a mask win pixels of the tile that was enlarged; returns how many it covers.
    private func contend(_ mask: Int, _ scores: [Float], _ lowest: Float, _ tile: Tile) -> Int {
        let score = scores[mask]
        // A logit that lies so much below 0 and below the winner's neither wins nor covers; see `wins`.
        let behind = 2 * (score / lowest * (1 + slack) - 1)
        let width = geometry.original.width
        var count = 0
        scores.withUnsafeBufferPointer { scores in
            for y in tile.rows {
                let from = (y - tile.rows.lowerBound) * tile.width
                let values = enlarger.values.start + from
                let best = self.best.start + from
                let winners = self.winners.start + y * width + tile.columns.lowerBound
                let confident = self.confident.start + y * width + tile.columns.lowerBound
                for x in 0..<tile.width {
                    let logit = values[x]
                    let before = best[x]
                    guard logit >= before - behind || logit >= -behind else { continue }
                    let covers = coversAt(logit)
                    if covers { count += 1 }
                    if before == -.infinity || wins(logit, score, before, scores[Int(winners[x])]) {
                        best[x] = logit
                        winners[x] = Int32(truncatingIfNeeded: mask)
                        confident[x] = covers
                    }
                }
            }
        }
        return count
    }

    private func countWinners(_ tile: Tile) {
        let width = geometry.original.width
        won.withUnsafeMutableBufferPointer { won in
            for y in tile.rows {
                let row = winners.start + y * width
                for x in tile.columns { won[Int(row[x])] += 1 }
            }
        }
    }
}

/// 1 + exp(-logit) in float32; infinity stands for a probability of 0.
private func inverseProbability(_ logit: Float) -> Float { Float(exp(-Double(logit))) + 1 }

/// Whether the probability of a logit, as float32 has it, is at least `covered`.
private func coversAt(_ logit: Float) -> Bool {
    logit >= 0 || (logit > -slack && inverseProbability(logit) <= 1 / covered)
}

/// Tells whether one score times probability is the larger one, with exponentials only where they decide.
///
/// Below a logit of 0 the logarithm of the probability rises by at least 0.5 per 1, so logits that are d apart there have
/// probabilities at a ratio of at least exp(d / 2), which is more than 1 + d / 2.
private func wins(_ logit: Float, _ score: Float, _ bestLogit: Float, _ bestScore: Float) -> Bool {
    if logit <= bestLogit {
        if score <= bestScore { return false }
        let apart = min(bestLogit, 0) - logit
        if logit < 0 && score * (1 + slack) < bestScore * (1 + apart / 2) { return false }
    } else if bestLogit < 0 {
        let apart = min(logit, 0) - bestLogit
        if score * (1 + apart / 2) > bestScore * (1 + slack) { return true }
    }
    return score / inverseProbability(logit) > bestScore / inverseProbability(bestLogit)
}
