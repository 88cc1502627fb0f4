/// What a model takes as a prompt, and what it answers, as a manifest has it.
public struct PromptSpec: Sendable {
    /// Of the tensors that its graphs get.
    let encoding: String
    /// Of one prompt; 0 if it takes none.
    let maxPoints: Int
    /// Whether a point may lie beside the region.
    let negativePoints: Bool
    /// Whether it takes a box.
    let boxes: Bool
    /// Whether points and a box may belong to one prompt.
    let pointsWithBox: Bool
    /// In pixels of the network's image: encoded as a box, a point reaches so far to every side.
    let pointRadius: Double
    /// Masks per prompt.
    let candidates: Int
    /// The candidate that a box means; nil if points and boxes mean the best alike.
    let single: Int?
    /// By what the best of several is chosen.
    let choice: Choice
    /// Pixels of the network's image per pixel of an earlier answer that it takes; nil if it takes none.
    let maskStride: Int?

    /// Says for people what one prompt may be.
    var described: String {
        let points = maxPoints == 0 ? [] : [maxPoints == 1 ? "one point" : "up to \(maxPoints) points"]
        return (points + (boxes ? ["one box"] : [])).joined(separator: pointsWithBox ? " and " : " or ")
    }
}

/// Encodings of prompts, and the roles of what they are encoded as.
let boxesRole = "boxes"
let pointsRole = "points"

/// What is in a slot of a prompt.
private enum Slot {
    static let beside: Float = 0
    static let inside: Float = 1
    static let topLeft: Float = 2
    static let bottomRight: Float = 3
    static let padding: Float = -1
    static let empty: Float = -2
}

/// Makes what the graphs of a model get; rapsam/tasks/prompt_encoding.py and prompt_set.py.
///
/// - Returns: Role to tensor (1, K, ...), prompts in their order.
/// - Throws: `Problem` if the model does not take a prompt, or it lies outside the image.
func encodePrompts(_ prompts: [Prompt], _ spec: PromptSpec, _ geometry: Geometry) throws -> Tensors {
    for prompt in prompts { try check(prompt, spec) }
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

/// Tells whether a model takes a prompt, as far as one sees without the photo.
private func check(_ prompt: Prompt, _ spec: PromptSpec) throws {
    let count = prompt.points.count
    if spec.maxPoints < 1 && count > 0 {
        throw Problem("this model takes no points; hold a finger on the photo and drag a box instead")
    }
    if !spec.boxes && prompt.box != nil { throw Problem("this model takes no boxes; tap a point instead") }
    let takes = "this model takes \(spec.described) per region"
    if count > spec.maxPoints {
        throw Problem("the region has \(count) points; \(takes): undo one, or tap a new region")
    }
    if prompt.box != nil && count > 0 && !spec.pointsWithBox {
        throw Problem("the region has a box beside a point; \(takes): tap a new region")
    }
    if !spec.negativePoints && !prompt.points.allSatisfy(\.isInside) {
        throw Problem("the region has a point beside it; \(takes), no points beside it: tap a new region")
    }
    if prompt.points.isEmpty && prompt.box == nil && prompt.mask == nil {
        throw Problem("nothing was asked for; \(takes): tap or drag one")
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
        let size = [geometry.padded.height / stride, geometry.padded.width / stride]
        let masks = try prompts.flatMap { try $0.mask.map { try checked($0, size) } ?? blank(size) }
        tensors["mask_prompt"] = Tensor(data: masks, shape: [1, count, 1] + size)
        tensors["has_mask_prompt"] = Tensor(data: prompts.map { $0.mask == nil ? 0 : 1 }, shape: [1, count])
    }
    return tensors
}

private func blank(_ size: [Int]) -> [Float] { [Float](repeating: 0, count: size.reduce(1, *)) }

private func checked(_ mask: Tensor, _ size: [Int]) throws -> [Float] {
    if mask.shape != size {
        throw Problem("the graphs answer masks of \(mask.shape) and take masks of \(size); export the bundle again")
    }
    try checkFinite("mask logits", mask.data)
    return mask.data
}

/// Points without a box have one padding behind them, as the network was trained.
private func filledSlots(_ prompt: Prompt, _ geometry: Geometry) throws -> (places: [Float], labels: [Float]) {
    let (scaleX, scaleY) = (geometry.scaleX, geometry.scaleY)
    var places: [Double] = []
    var labels: [Float] = []
    for point in prompt.points {
        try checkPoint(point, geometry.original)
        places += [point.x * scaleX, point.y * scaleY]
        labels.append(point.isInside ? Slot.inside : Slot.beside)
    }
    if let box = prompt.box {
        try checkBox(box, geometry.original)
        places += [box.x1 * scaleX, box.y1 * scaleY, box.x2 * scaleX, box.y2 * scaleY]
        labels += [Slot.topLeft, Slot.bottomRight]
    } else if !prompt.points.isEmpty {
        places += [0, 0]
        labels.append(Slot.padding)
    }
    return (places.map(Float.init), labels)
}
