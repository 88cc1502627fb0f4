/// What a tap asks for.
public enum TapMeaning: String, CaseIterable, Sendable {
    /// A region of its own.
    case newRegion = "New region"
    /// That the last region holds this place too.
    case add = "Add"
    /// That the last region does not hold this place.
    case takeAway = "Take away"

    /// For those who hear it.
    public var explained: String {
        switch self {
        case .newRegion: "A tap asks for a new region"
        case .add: "A tap adds a place to the last region"
        case .takeAway: "A tap takes a place away from the last region"
        }
    }
}

extension PromptSpec {
    /// What a tap may ask for.
    public var meanings: [TapMeaning] {
        if maxPoints < 2 { return [.newRegion] }
        return negativePoints ? TapMeaning.allCases : [.newRegion, .add]
    }

    /// Says for people what to do to get a region.
    var invitation: String {
        let tap = maxPoints > 0 ? ["tap what you want"] : []
        return (tap + (boxes ? ["hold a finger on the photo and drag a box"] : [])).joined(separator: ", or ")
    }
}
