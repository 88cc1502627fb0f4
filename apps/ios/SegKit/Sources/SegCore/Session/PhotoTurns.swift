/// Whose turn it is on the photo's screen: one piece of work is done at a time. Of what is asked meanwhile the last piece waits,
/// in the place of the one that waited before; what belongs to a photo that was replaced is dropped.
public struct PhotoTurns<Work> {
    /// The photo that counts: the one that was chosen last, by its number.
    public private(set) var photo = 0

    /// Whether work is being done.
    public private(set) var isBusy = false

    private var chosen = 0
    private var waiting: Work?

    public init() {}

    /// Gives a photo that was just chosen its number; what waits is of another one, and is dropped.
    public mutating func choose() -> Int {
        chosen += 1
        photo = chosen
        waiting = nil
        return photo
    }

    /// Whether answers about a photo are still wanted.
    public func counts(_ photo: Int) -> Bool { photo == self.photo }

    /// Goes back to a photo that is still there, as the one that was chosen cannot be had.
    public mutating func fallBack(to photo: Int) { self.photo = photo }

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
