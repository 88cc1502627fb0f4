/// What was asked of a photo, and what came back.
struct Answer {
    let prompt: Prompt
    let region: Region
}

/// The regions of a photo: of each all answers, each to one point more than the one before; the last one alone has its mask.
struct Answers {
    private var regions: [[Answer]] = []

    /// The answers that count: the last of each region.
    var current: [Answer] { regions.compactMap(\.last) }

    /// The one that a point more would change.
    var last: Answer? { regions.last?.last }

    var isEmpty: Bool { regions.isEmpty }

    /// Begins a region.
    mutating func begin(_ answer: Answer) { regions.append([answer]) }

    /// Puts an answer in the place of the last one, which is kept without its mask.
    mutating func change(to answer: Answer) {
        guard var last = regions.popLast(), let before = last.popLast() else { return begin(answer) }
        regions.append(last + [Answer(prompt: before.prompt, region: before.region.withoutMask), answer])
    }

    /// Goes back to the answer before, or where there is none takes the region away.
    ///
    /// - Throws: `Problem` if the region of before cannot be drawn; all is then as it was.
    mutating func undo() throws {
        guard let last = regions.last else { return }
        let earlier = last.dropLast()
        let before = try earlier.last.map { Answer(prompt: $0.prompt, region: try $0.region.withMask()) }
        regions.removeLast()
        if let before { regions.append(earlier.dropLast() + [before]) }
    }
}
