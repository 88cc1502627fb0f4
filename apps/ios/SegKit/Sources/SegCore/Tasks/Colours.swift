/// R, G and B of a colour, 0..255, packed as `Picture` has them, opaque.
public func packed(_ red: Int, _ green: Int, _ blue: Int) -> UInt32 {
    0xFF00_0000 | UInt32(truncatingIfNeeded: red << 16 | green << 8 | blue)
}

func red(_ argb: UInt32) -> Int { Int(argb >> 16 & 0xFF) }

func green(_ argb: UInt32) -> Int { Int(argb >> 8 & 0xFF) }

func blue(_ argb: UInt32) -> Int { Int(argb & 0xFF) }

let white = packed(255, 255, 255)
private let dark = packed(24, 24, 28)
private let goldenRatio = 0.6180339887
private let tones = [(0.78, 0.97), (0.62, 0.82), (0.92, 0.88), (0.5, 1.0)]

/// Colour of a class, an instance or a track: always the same one for the same index; rapsam/tasks/palette.py.
///
/// - Parameters:
///   - classIndex: From 0.
///   - instance: From 0; 0 for stuff. Further instances of a class walk away in hue and tone.
public func classColour(_ classIndex: Int, instance: Int = 0) -> UInt32 {
    let hue = (0.02 + Double(classIndex) * goldenRatio + Double(instance) * 0.13).truncatingRemainder(dividingBy: 1)
    let (saturation, value) = tones[(classIndex + instance) % tones.count]
    return ofHsv(hue, saturation, value)
}

/// The colour mixed with white, for contours that stand out between two tinted masks.
public func lightened(_ colour: UInt32) -> UInt32 {
    packed((red(colour) + 255) >> 1, (green(colour) + 255) >> 1, (blue(colour) + 255) >> 1)
}

/// Dark text for a light background and white text for a dark one (Rec. 709 luma).
public func textColour(on background: UInt32) -> UInt32 {
    let luma =
        0.2126 * Double(red(background)) + 0.7152 * Double(green(background)) + 0.0722 * Double(blue(background))
    return luma > 140 ? dark : white
}

/// In the order of operations of Python's colorsys; halves are rounded to the even number, as Python does.
private func ofHsv(_ hue: Double, _ saturation: Double, _ value: Double) -> UInt32 {
    let sector = Int(hue * 6)
    let rest = hue * 6 - Double(sector)
    let low = value * (1 - saturation)
    let falling = value * (1 - saturation * rest)
    let rising = value * (1 - saturation * (1 - rest))
    switch sector % 6 {
    case 0: return ofShares(value, rising, low)
    case 1: return ofShares(falling, value, low)
    case 2: return ofShares(low, value, rising)
    case 3: return ofShares(low, falling, value)
    case 4: return ofShares(rising, low, value)
    default: return ofShares(value, low, falling)
    }
}

private func ofShares(_ red: Double, _ green: Double, _ blue: Double) -> UInt32 {
    let parts = [red, green, blue].map { Int(($0 * 255).rounded(.toNearestOrEven)) }
    return packed(parts[0], parts[1], parts[2])
}
