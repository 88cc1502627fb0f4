/// Paints what was found over pictures, and lists it; keeps what it needs for as long as their size stays the same.
public final class ObjectPainter {
    private let labels: [ClassLabel]
    private var masks: MaskPainter?

    /// - Parameter labels: Classes in the order of the class logits.
    public init(labels: [ClassLabel]) {
        self.labels = labels
    }

    /// Paints what is in a frame of a video.
    public func painted(_ seen: Seen, on frame: Picture) -> Shown {
        var canvas = frame
        switch seen {
        case .objects(let found):
            let entries = paint(&canvas, found)
            return Shown(picture: canvas, entries: entries)
        case .tracks(let tracks, _):
            let entries = paint(&canvas, tracks)
            return Shown(picture: canvas, entries: entries)
        }
    }

    /// Paints objects, in place.
    func paint(_ canvas: inout Picture, _ found: PanopticResult) -> [FoundEntry] {
        let layers = found.segments.map { segment in
            Layer(region: .ofMap(found.map, value: Int32(segment.id)), colour: colour(of: segment))
        }
        paint(&canvas, layers)
        return found.segments.enumerated().map { place, segment in
            let area = Double(segment.area) / Double(found.size.area)
            return FoundEntry(
                name: name(of: place, found.segments),
                figure: "score \(percent(Double(segment.score))), area \(percent(area))", colour: colour(of: segment))
        }
    }

    /// Paints tracked objects, in place; each keeps its colour through all frames, and its place in the list.
    private func paint(_ canvas: inout Picture, _ tracks: [TrackedInstance]) -> [FoundEntry] {
        // The surest one is on top.
        let layers = tracks.reversed().map {
            Layer(region: .ofMask($0.instance.mask), colour: classColour($0.trackId))
        }
        paint(&canvas, layers)
        return tracks.sorted { $0.trackId < $1.trackId }.map { track in
            FoundEntry(
                name: "\(labels[track.instance.label].name) #\(track.trackId)",
                figure: "score \(percent(Double(track.instance.score)))", colour: classColour(track.trackId))
        }
    }

    /// Paints layers, from the bottom to the top, in place.
    func paint(_ canvas: inout Picture, _ layers: [Layer]) {
        let kept = masks?.size == canvas.size ? masks : nil
        let painter = kept ?? MaskPainter(size: canvas.size)
        masks = painter
        painter.paint(&canvas, layers, width: lineWidth(canvas.size))
    }

    /// Where a class has several objects, they are numbered.
    private func name(of place: Int, _ segments: [Segment]) -> String {
        let classIndex = segments[place].classIndex
        let name = labels[classIndex].name
        if segments.filter({ $0.classIndex == classIndex }).count == 1 { return name }
        return "\(name) \(segments.prefix(place + 1).filter { $0.classIndex == classIndex }.count)"
    }
}

private func colour(of segment: Segment) -> UInt32 { classColour(segment.classIndex, instance: segment.instance) }

/// Says a share for people.
func percent(_ share: Double) -> String {
    let value = 100 * share
    return value > 0 && value < 0.5 ? "under 1 %" : "\(Int(value.rounded())) %"
}
