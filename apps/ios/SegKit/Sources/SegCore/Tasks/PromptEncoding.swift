/// What a model takes as a prompt, and what it answers, as a manifest has it.
public struct PromptSpec: Sendable {
    /// Of the tensors that its graphs get.
    let encoding: String
    /// Of one prompt; 0 if it takes none.
    let maxPoints: Int
    /// Whether it takes a box.
    let boxes: Bool
    /// In pixels of the network's image: encoded as a box, a point reaches so far to every side.
    let pointRadius: Double
    /// Masks per prompt.
    let candidates: Int
    /// The candidate that a box means; nil if points and boxes mean the best alike.
    let single: Int?
    /// By what the best of several is chosen.
    let choice: Choice
    /// Pixels of the network's image per pixel of a mask that the graphs want beside; nil if they do not.
    let maskStride: Int?
}

private let boxesRole = "boxes"
private let pointsRole = "points"

/// What is in a slot of a prompt.
private enum Slot {
    static let inside: Float = 1
    static let topLeft: Float = 2
    static let bottomRight: Float = 3
    static let padding: Float = -1
    static let empty: Float = -2
}

/// Makes what the graphs of a model get; rapsam/tasks/prompt_encoding.py and prompt_set.py, for prompts that are one point or
/// one box.
///
/// - Returns: Role to tensor (1, K, ...), prompts in their order.
/// - Throws: `Problem` if the model does not take a prompt, or it lies outside the image.
func encodePrompts(_ prompts: [Prompt], _ spec: PromptSpec, _ geometry: Geometry) throws -> Tensors {
    if spec.maxPoints < 1 && prompts.contains(where: \.isPoint) {
        throw Problem("this model takes no points; hold a finger on the photo and drag a box instead")
    }
    if !spec.boxes && !prompts.allSatisfy(\.isPoint) {
        throw Problem("this model takes no boxes; tap a point instead")
    }
    switch spec.encoding {
    case boxesRole:
        return [boxesRole: normalisedBoxes(try promptBoxes(prompts, geometry, pointRadius: spec.pointRadius), geometry)]
    case pointsRole: return try asPoints(prompts, spec, geometry)
    default:
        throw Problem(
            "the bundle takes prompts as \"\(spec.encoding)\", this app gives \"\(boxesRole)\" or \"\(pointsRole)\": "
                + "install a newer app")
    }
}

private func asPoints(_ prompts: [Prompt], _ spec: PromptSpec, _ geometry: Geometry) throws -> Tensors {
    let slots = spec.maxPoints + (spec.boxes ? 2 : 1)
    var points: [Float] = []
    var labels: [Float] = []
    for prompt in prompts {
        let filled = try filledSlots(prompt, geometry)
        points += filled.places + [Float](repeating: 0, count: 2 * (slots - filled.labels.count))
        labels += filled.labels + [Float](repeating: Slot.empty, count: slots - filled.labels.count)
    }
    let count = prompts.count
    var tensors = [
        pointsRole: Tensor(data: points, shape: [1, count, slots, 2]),
        "point_labels": Tensor(data: labels, shape: [1, count, slots]),
    ]
    if let stride = spec.maskStride {
        let (height, width) = (geometry.padded.height / stride, geometry.padded.width / stride)
        let masks = [Float](repeating: 0, count: count * height * width)
        tensors["mask_prompt"] = Tensor(data: masks, shape: [1, count, 1, height, width])
        tensors["has_mask_prompt"] = Tensor(data: [Float](repeating: 0, count: count), shape: [1, count])
    }
    return tensors
}

/// A point has one padding behind it, as the network was trained.
private func filledSlots(_ prompt: Prompt, _ geometry: Geometry) throws -> (places: [Float], labels: [Float]) {
    let (scaleX, scaleY) = (geometry.scaleX, geometry.scaleY)
    switch prompt {
    case .point(let x, let y):
        try checkPoint(x, y, geometry.original)
        return ([Float(x * scaleX), Float(y * scaleY), 0, 0], [Slot.inside, Slot.padding])
    case .box(let box):
        try checkBox(box, geometry.original)
        let places = [box.x1 * scaleX, box.y1 * scaleY, box.x2 * scaleX, box.y2 * scaleY]
        return (places.map(Float.init), [Slot.topLeft, Slot.bottomRight])
    }
}
