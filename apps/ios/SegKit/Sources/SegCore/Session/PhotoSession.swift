import Foundation

/// A line of the list of what was found.
public struct FoundEntry: Equatable, Sendable {
    public let name: String
    public let figure: String
    public let colour: UInt32
}

/// What is shown: a picture, and what it shows.
public struct Shown: Sendable {
    public let picture: Picture
    public let entries: [FoundEntry]
}

/// One photo, and all that was asked of it. It knows no screen. One thread at a time.
public final class PhotoSession {
    private let segmenter: Segmenter
    private let painter: ObjectPainter
    private var photo: Picture?
    private var objects: PanopticResult?
    private var answers: [(prompt: Prompt, region: Region)] = []

    /// - Parameter labels: Classes in the order of the class logits.
    public init(_ segmenter: Segmenter, labels: [ClassLabel]) {
        self.segmenter = segmenter
        painter = ObjectPainter(labels: labels)
    }

    /// Whether there is a photo.
    public var hasPhoto: Bool { photo != nil }

    /// Whether regions were asked for.
    public var hasRegions: Bool { !answers.isEmpty }

    /// Takes a photo in place of the one before.
    public func take(_ picture: Picture) {
        forget()
        segmenter.take(picture)
        photo = picture
    }

    /// Finds the objects in the photo, if the bundle does; returns how many segments there are.
    ///
    /// - Throws: `Problem` if the network's outputs cannot be used.
    @discardableResult
    public func find() throws -> Int {
        if segmenter.findsObjects { objects = try segmenter.panoptic() }
        return objects?.segments.count ?? 0
    }

    /// Asks for a region.
    ///
    /// - Throws: `Problem` if the bundle takes no such prompt, or it lies outside the photo.
    public func ask(_ prompt: Prompt) throws {
        for region in try segmenter.segment([prompt]) { answers.append((prompt, region)) }
    }

    /// Forgets the regions.
    public func clear() { answers = [] }

    /// Forgets the photo, as when memory is short.
    public func forget() {
        photo = nil
        objects = nil
        answers = []
        segmenter.forget()
    }

    /// Paints the regions, or where none was asked for the objects, over the photo; nil without a photo.
    public func shown() -> Shown? {
        guard var canvas = photo else { return nil }
        let entries = hasRegions ? paintRegions(&canvas) : objects.map { painter.paint(&canvas, $0) } ?? []
        return Shown(picture: canvas, entries: entries)
    }

    private func paintRegions(_ canvas: inout Picture) -> [FoundEntry] {
        let width = lineWidth(canvas.size)
        // Large masks first, so that a small one inside stays visible.
        let layers = answers.enumerated()
            .map { (place: $0.offset, mask: $0.element.region.mask) }
            .sorted { $0.mask.filter { $0 }.count > $1.mask.filter { $0 }.count }
            .map { Layer(region: .ofMask($0.mask), colour: classColour($0.place)) }
        paintMasks(&canvas, layers, width: width)
        return answers.enumerated().map { place, answer in
            let colour = classColour(place)
            switch answer.prompt {
            case .box(let box): paintBox(&canvas, box, width: width + 1, colour: colour)
            case .point(let x, let y):
                paintPoint(&canvas, x: x, y: y, radius: 3 * Double(width) + 3, colour: colour)
            }
            let iou = String(format: "%.2f", answer.region.predictedIou)
            return FoundEntry(
                name: "\(answer.prompt.isPoint ? "Tap" : "Box") \(place + 1)", figure: "predicted IoU \(iou)",
                colour: colour)
        }
    }
}
