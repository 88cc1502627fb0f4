/// Height and width in pixels. Apple's systems have a type `Size` of their own.
public struct PixelSize: Hashable, Sendable, CustomStringConvertible {
    public let height: Int
    public let width: Int

    public init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    /// Pixels.
    public var area: Int { height * width }

    public var description: String { "\(height)x\(width)" }
}

/// How an image lies in the input of the network: at its top left; rapsam/tasks/geometry.py.
public struct Geometry: Hashable, Sendable {
    /// Input of the network, with padding.
    public let padded: PixelSize
    /// Resized image inside it, without padding.
    public let content: PixelSize
    /// Image before the resize; results are given at this size.
    public let original: PixelSize

    public init(padded: PixelSize, content: PixelSize, original: PixelSize) {
        self.padded = padded
        self.content = content
        self.original = original
    }

    /// Factor that turns x in the original image into x in the network's.
    var scaleX: Double { Double(content.width) / Double(original.width) }

    /// Factor that turns y in the original image into y in the network's.
    var scaleY: Double { Double(content.height) / Double(original.height) }
}

/// An upright image of eight bits a channel.
public struct Picture: Sendable {
    /// Row by row: 0xAARRGGBB, as the bytes of "32BGRA" are on a phone. Alpha is not looked at.
    public internal(set) var argb: [UInt32]
    public let size: PixelSize

    public init(argb: [UInt32], size: PixelSize) {
        precondition(argb.count == size.area, "\(argb.count) pixels for \(size)")
        self.argb = argb
        self.size = size
    }
}

/// Numbers in C order.
public struct Tensor: Sendable {
    public let data: [Float]
    /// As in the contract of a graph.
    public let shape: [Int]

    public init(data: [Float], shape: [Int]) {
        self.data = data
        self.shape = shape
    }

    /// Entry of the first axis, copied.
    func part(_ place: Int) -> Tensor {
        let step = data.count / shape[0]
        return Tensor(data: Array(data[place * step..<(place + 1) * step]), shape: Array(shape.dropFirst()))
    }

    /// The same numbers without the axis of a batch of one.
    func withoutBatch() -> Tensor { Tensor(data: data, shape: Array(shape.dropFirst())) }
}
