/// Numbers in a place that stays as it is: what is computed for every frame goes where that of the frame before was.
/// Its users keep within its bounds by themselves; nothing checks them in a release.
final class Memory<Element: BitwiseCopyable> {
    let start: UnsafeMutablePointer<Element>
    let count: Int

    /// So many elements, all alike.
    init(_ value: Element, count: Int) {
        start = .allocate(capacity: max(count, 1))
        start.initialize(repeating: value, count: count)
        self.count = count
    }

    deinit {
        start.deallocate()
    }

    /// Makes all alike.
    func fill(_ value: Element) {
        start.update(repeating: value, count: count)
    }

    subscript(place: Int) -> Element {
        get {
            assert(place >= 0 && place < count)
            return start[place]
        }
        set {
            assert(place >= 0 && place < count)
            start[place] = newValue
        }
    }
}
