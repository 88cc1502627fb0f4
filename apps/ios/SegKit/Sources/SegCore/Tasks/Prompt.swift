/// A box around a region, in pixels of the original image; ends exclusive.
public struct PromptBox: Sendable {
    public let x1: Double
    public let y1: Double
    public let x2: Double
    public let y2: Double

    public init(x1: Double, y1: Double, x2: Double, y2: Double) {
        self.x1 = x1
        self.y1 = y1
        self.x2 = x2
        self.y2 = y2
    }
}

/// A place inside a region, or beside it, in pixels of the original image.
public struct PromptPoint: Equatable, Sendable {
    public let x: Double
    public let y: Double
    /// Whether it lies in the region.
    public let isInside: Bool

    public init(x: Double, y: Double, isInside: Bool = true) {
        self.x = x
        self.y = y
        self.isInside = isInside
    }
}

/// What asks for one region, as rapsam/tasks/prompt_set.py has it.
public struct Prompt: Sendable {
    /// In pixels of the original image.
    public let points: [PromptPoint]
    /// Around the region.
    public let box: PromptBox?
    /// (h, w) mask logits of an earlier answer.
    let mask: Tensor?

    public init(points: [PromptPoint] = [], box: PromptBox? = nil, mask: Tensor? = nil) {
        self.points = points
        self.box = box
        self.mask = mask
    }

    /// A place inside the region.
    public static func point(x: Double, y: Double) -> Prompt { Prompt(points: [PromptPoint(x: x, y: y)]) }

    /// Around the region.
    public static func box(_ box: PromptBox) -> Prompt { Prompt(box: box) }

    /// Whether it is one point and nothing else, which may mean several things.
    var isAmbiguous: Bool { points.count == 1 && box == nil && mask == nil }
}

/// Checks prompts and brings them to the network's image. Near the border a point's box reaches outside it, and must.
///
/// - Returns: (K, 4) x1, y1, x2, y2 in pixels of the resized, unpadded image.
func promptBoxes(_ prompts: [Prompt], _ geometry: Geometry, pointRadius: Double) throws -> [Float] {
    var found: [Float] = []
    let (scaleX, scaleY) = (geometry.scaleX, geometry.scaleY)
    for prompt in prompts {
        for point in prompt.points {
            try checkPoint(point, geometry.original)
            let (middleX, middleY, radius) = (Float(point.x * scaleX), Float(point.y * scaleY), Float(pointRadius))
            found += [middleX - radius, middleY - radius, middleX + radius, middleY + radius]
        }
        if let box = prompt.box {
            try checkBox(box, geometry.original)
            found += [
                Float(box.x1 * scaleX), Float(box.y1 * scaleY), Float(box.x2 * scaleX), Float(box.y2 * scaleY),
            ]
        }
    }
    return found
}

/// - Parameter boxes: (K, 4) in pixels of the resized, unpadded image.
/// - Returns: (1, K, 4) as fractions of the unpadded image's width and height.
func normalisedBoxes(_ boxes: [Float], _ geometry: Geometry) -> Tensor {
    let (height, width) = (Float(geometry.content.height), Float(geometry.content.width))
    let data = boxes.enumerated().map { place, value in value / (place % 2 == 0 ? width : height) }
    return Tensor(data: data, shape: [1, boxes.count / 4, 4])
}

func checkPoint(_ point: PromptPoint, _ size: PixelSize) throws {
    let (x, y) = (point.x, point.y)
    guard x >= 0, x < Double(size.width), y >= 0, y < Double(size.height) else {
        throw Problem(
            "point \(x),\(y) is outside the image; expected 0 <= x < \(size.width) and 0 <= y < \(size.height): tap "
                + "inside the photo")
    }
}

func checkBox(_ box: PromptBox, _ size: PixelSize) throws {
    let told = "box \(box.x1),\(box.y1),\(box.x2),\(box.y2)"
    guard box.x1 < box.x2, box.y1 < box.y2 else {
        throw Problem("\(told) is empty; expected x1 < x2 and y1 < y2: drag a larger one")
    }
    guard box.x1 >= 0, box.y1 >= 0, box.x2 <= Double(size.width), box.y2 <= Double(size.height) else {
        throw Problem(
            "\(told) leaves the image; expected x within 0..\(size.width) and y within 0..\(size.height): drag it inside"
        )
    }
}
