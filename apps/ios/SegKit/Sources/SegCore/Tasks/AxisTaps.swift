/// The two source pixels that each output pixel of one axis blends; rapsam/tasks/resize.py.
///
/// Bilinear, with half-pixel centres and no antialiasing: output pixel i looks at source position
/// (i + 0.5) * source / target - 0.5, clamped to the image. All steps are rounded to float32, as NumPy's are.
struct AxisTaps {
    private(set) var lower: [Int] = []
    /// Equal to `lower` at the far border.
    private(set) var upper: [Int] = []
    /// Share of the second, 0..1; the first has the rest.
    private(set) var weight: [Float] = []

    init(source: Int, target: Int) {
        let scale = Float(source) / Float(target)
        for i in 0..<target {
            let centre = (Float(i) + 0.5) * scale - 0.5
            let position = min(max(centre, 0), Float(source - 1))
            let first = Int(position)
            lower.append(first)
            upper.append(min(first + 1, source - 1))
            weight.append(position - Float(first))
        }
    }
}
