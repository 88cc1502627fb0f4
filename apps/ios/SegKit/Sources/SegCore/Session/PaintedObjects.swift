/// Paints objects over a picture, in place, and lists them.
func paintObjects(_ canvas: inout Picture, _ found: PanopticResult, _ labels: [ClassLabel]) -> [FoundEntry] {
    let layers = found.segments.map { segment in
        Layer(region: .ofMap(found.map, value: Int32(segment.id)), colour: colour(of: segment))
    }
    paintMasks(&canvas, layers, width: lineWidth(canvas.size))
    return found.segments.enumerated().map { place, segment in
        let area = Double(segment.area) / Double(found.size.area)
        return FoundEntry(
            name: name(of: place, found.segments, labels),
            figure: "score \(percent(Double(segment.score))), area \(percent(area))", colour: colour(of: segment))
    }
}

/// Paints tracked objects over a picture, in place, and lists them; each keeps its colour through all frames.
func paintTracks(_ canvas: inout Picture, _ tracks: [TrackedInstance], _ labels: [ClassLabel]) -> [FoundEntry] {
    // The surest one is on top.
    let layers = tracks.reversed().map {
        Layer(region: .ofMask($0.instance.mask), colour: classColour($0.trackId))
    }
    paintMasks(&canvas, layers, width: lineWidth(canvas.size))
    return tracks.map { track in
        FoundEntry(
            name: "\(labels[track.instance.label].name) #\(track.trackId)",
            figure: "score \(percent(Double(track.instance.score)))", colour: classColour(track.trackId))
    }
}

/// Paints what is in a frame of a video.
public func painted(_ seen: Seen, on frame: Picture, labels: [ClassLabel]) -> Shown {
    var canvas = frame
    switch seen {
    case .objects(let found):
        let entries = paintObjects(&canvas, found, labels)
        return Shown(picture: canvas, entries: entries)
    case .tracks(let tracks, _):
        let entries = paintTracks(&canvas, tracks, labels)
        return Shown(picture: canvas, entries: entries)
    }
}

private func colour(of segment: Segment) -> UInt32 { classColour(segment.classIndex, instance: segment.instance) }

/// Where a class has several objects, they are numbered.
private func name(of place: Int, _ segments: [Segment], _ labels: [ClassLabel]) -> String {
    let classIndex = segments[place].classIndex
    let name = labels[classIndex].name
    if segments.filter({ $0.classIndex == classIndex }).count == 1 { return name }
    return "\(name) \(segments.prefix(place + 1).filter { $0.classIndex == classIndex }.count)"
}

private func percent(_ share: Double) -> String {
    let value = 100 * share
    return value > 0 && value < 0.5 ? "under 1 %" : "\(Int(value.rounded())) %"
}
