/// Whose turn it is on the photo's screen: one piece of work is done at a time. Of what is asked meanwhile the last piece waits,
/// in the place of the one that waited before; what belongs to a photo that was replaced or let go is dropped.
public struct PhotoTurns<Work> {
    /// The photo that counts: the one that was chosen last, by its number.
    public private(set) var photo = 0

    /// Whether work is being done.
    public private(set) var isBusy = false

    /// What the next tap asks for: of a photo that was just chosen, a region of its own.
    public var meaning = TapMeaning.newRegion

    private var chosen = 0
    /// The last photo that was let go; those before it were replaced.
    private var lost = 0
    private var waiting: Work?

    public init() {}

    /// Gives a photo that was just chosen its number; what waits is of another one, and is dropped.
    public mutating func choose() -> Int {
        chosen += 1
        photo = chosen
        waiting = nil
        meaning = .newRegion
        return photo
    }

    /// Whether answers about a photo are still wanted.
    public func counts(_ photo: Int) -> Bool { photo == self.photo }

    /// Goes to the photo that was found in memory: where the one that was chosen cannot be had, it is the one before.
    ///
    /// - Returns: Whether it is still there.
    public mutating func settle(on photo: Int) -> Bool {
        guard photo > lost else { return false }
        self.photo = photo
        return true
    }

    /// Takes note that a photo was let go, as when memory is short. What was asked of it is not wanted any more; another one that
    /// is on its way is.
    ///
    /// - Returns: Whether it was the one that counts, so that there is none now.
    public mutating func lose(_ photo: Int) -> Bool {
        lost = max(lost, photo)
        guard counts(photo) else { return false }
        _ = choose()
        return true
    }

    /// Takes work on a photo.
    ///
    /// - Returns: The work, if it is to begin now; nil if it waits or was dropped.
    public mutating func offer(_ work: Work, on photo: Int) -> Work? {
        guard counts(photo) else { return nil }
        if isBusy {
            waiting = work
            return nil
        }
        isBusy = true
        return work
    }

    /// Ends the work that was done; returns what is to begin now.
    public mutating func next() -> Work? {
        let work = waiting
        waiting = nil
        isBusy = work != nil
        return work
    }
}
