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
    private let network: () throws -> Segmenter
    private let painter: ObjectPainter
    private var segmenter: Segmenter?
    private var photo: Picture?
    private var objects: PanopticResult?
    /// Where masks are chosen by stability, no predicted IoU was learnt: none is told.
    private var isIouLearnt = true
    private var answers = Answers()

    /// - Parameters:
    ///   - labels: Classes in the order of the class logits.
    ///   - network: Loads it; called when something is asked, and again after it was let go.
    public init(labels: [ClassLabel], network: @escaping () throws -> Segmenter) {
        painter = ObjectPainter(labels: labels)
        self.network = network
    }

    /// Number of the photo; nil without one. See `PhotoTurns`.
    public private(set) var number: Int?

    /// The regions as they are now.
    public var regions: [Region] { answers.current.map(\.region) }

    /// Whether regions were asked for.
    public var hasRegions: Bool { !answers.isEmpty }

    /// Takes a photo in place of the one before.
    ///
    /// - Parameter number: By which it is known again.
    public func take(_ picture: Picture, as number: Int = 1) {
        forget()
        segmenter?.take(picture)
        photo = picture
        self.number = number
    }

    /// Finds the objects in the photo, if the bundle does, and computes what all prompts on it have in common, so that a tap
    /// costs the rest alone.
    ///
    /// - Parameter tell: Told what begins now.
    /// - Returns: What there is then, for people.
    /// - Throws: `Problem` if there is no photo, or the network's outputs cannot be used.
    public func prepare(_ tell: (String) -> Void = { _ in }) throws -> String {
        tell("Loading the network")
        let segmenter = try loaded()
        if segmenter.findsObjects {
            tell("Finding objects")
            objects = try segmenter.panoptic()
        }
        if segmenter.promptSpec != nil {
            tell("Getting ready for taps")
            try segmenter.embed()
        }
        let invitation = segmenter.promptSpec?.invitation
        guard let objects else { return "Ready: \(invitation ?? "nothing can be asked for")" }
        let found = "\(objects.segments.count) \(objects.segments.count == 1 ? "object" : "objects") found"
        return [found, invitation].compactMap { $0 }.joined(separator: "; ")
    }

    /// Asks for a region, or changes the last one by a point.
    ///
    /// - Parameters:
    ///   - prompt: A point or a box; a box always asks for a region of its own.
    ///   - meaning: Of a point.
    /// - Throws: `Problem` if the bundle takes no such prompt, it lies outside the photo, or there is no region to take from;
    ///   regions are then what they were.
    public func ask(_ prompt: Prompt, _ meaning: TapMeaning = .newRegion) throws {
        let segmenter = try loaded()
        let before = meaning == .newRegion || prompt.box != nil ? nil : answers.last
        if meaning == .takeAway && prompt.box == nil && before == nil {
            throw Problem("there is no region yet to take something from; tap what you want first")
        }
        let asked = before.map { changed($0, by: prompt, meaning, segmenter.promptSpec) } ?? prompt
        for region in try segmenter.segment([asked]) {
            let answer = Answer(prompt: asked, region: region)
            if before == nil { answers.begin(answer) } else { answers.change(to: answer) }
        }
    }

    /// One point more, and the answer before where the network takes it.
    private func changed(_ before: Answer, by prompt: Prompt, _ meaning: TapMeaning, _ spec: PromptSpec?) -> Prompt {
        let added = prompt.points.map { PromptPoint(x: $0.x, y: $0.y, isInside: meaning == .add) }
        return Prompt(
            points: before.prompt.points + added, box: before.prompt.box,
            mask: spec?.maskStride == nil ? nil : before.region.logits)
    }

    /// Takes the last point back, or the last box, with what it changed; the network is not asked again.
    ///
    /// - Throws: `Problem` if the region of before cannot be drawn; regions are then what they were.
    public func undo() throws { try answers.undo() }

    /// Forgets the regions.
    public func clear() { answers = Answers() }

    /// Forgets the photo, as when memory is short.
    public func forget() {
        photo = nil
        number = nil
        objects = nil
        answers = Answers()
        segmenter?.forget()
    }

    /// Lets the network go, as when another needs its memory; photo and regions stay.
    public func releaseNetwork() { segmenter = nil }

    private func loaded() throws -> Segmenter {
        if let segmenter { return segmenter }
        let made = try network()
        if let photo { made.take(photo) }
        isIouLearnt = made.promptSpec?.choice != .stability
        segmenter = made
        return made
    }

    /// Paints the regions, or where none was asked for the objects, over the photo; nil without a photo.
    public func shown() -> Shown? {
        guard var canvas = photo else { return nil }
        let entries = answers.isEmpty ? objects.map { painter.paint(&canvas, $0) } ?? [] : paintRegions(&canvas)
        return Shown(picture: canvas, entries: entries)
    }

    private func paintRegions(_ canvas: inout Picture) -> [FoundEntry] {
        let width = lineWidth(canvas.size)
        let current = answers.current
        // Large masks first, so that a small one inside stays visible.
        let areas = current.map(\.region.area)
        let layers = current.indices.sorted { areas[$0] > areas[$1] }
            .map { Layer(region: .ofMask(current[$0].region.mask), colour: classColour($0)) }
        painter.paint(&canvas, layers)
        paint(&canvas, current.map(\.prompt), width: width)
        return current.enumerated().map { place, answer in
            let prompt = answer.prompt
            let points = prompt.points.count > 1 ? ", \(prompt.points.count) points" : ""
            let figure =
                isIouLearnt
                ? "predicted IoU \(String(format: "%.2f", answer.region.predictedIou))"
                : "area \(percent(Double(areas[place]) / Double(canvas.size.area)))"
            return FoundEntry(
                name: "\(prompt.box == nil ? "Tap" : "Box") \(place + 1)\(points)", figure: figure,
                colour: classColour(place))
        }
    }

    /// Paints what was asked, points beside a region hollow.
    private func paint(_ canvas: inout Picture, _ prompts: [Prompt], width: Int) {
        for (place, prompt) in prompts.enumerated() {
            if let box = prompt.box { paintBox(&canvas, box, width: width + 1, colour: classColour(place)) }
        }
        for (place, prompt) in prompts.enumerated() {
            for point in prompt.points {
                paintPoint(
                    &canvas, x: point.x, y: point.y, radius: 3 * Double(width) + 3, colour: classColour(place),
                    isHollow: !point.isInside)
            }
        }
    }
}
