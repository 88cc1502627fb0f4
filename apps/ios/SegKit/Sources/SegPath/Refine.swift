import Foundation
import SegCore

/// Asks for regions of one photo, point after point, as fingers do; see `main.swift`.
func refine(_ bundle: String, _ runtime: String, _ asked: String, _ out: String) throws {
    let loaded = try load(bundle, runtime)
    let session = PhotoSession(labels: loaded.bundle.manifest.labels) { Segmenter(loaded) }
    let json = try parseJson(String(contentsOfFile: asked, encoding: .utf8), name: asked)
    session.take(try picture(json.field("photo").text()))
    _ = try session.prepare()
    // As on a screen, which shows the objects first.
    _ = session.shown()
    let found = try json.field("steps").items().enumerated().map { number, step -> Json in
        let place = try step.field("at").items().map { try $0.number() }
        guard let meaning = TapMeaning(rawValue: try step.field("meaning").text()) else {
            throw Problem("there is no such meaning of a tap; expected \(TapMeaning.allCases.map(\.rawValue))")
        }
        let prompt: Prompt =
            place.count == 2
            ? .point(x: place[0], y: place[1])
            : .box(PromptBox(x1: place[0], y1: place[1], x2: place[2], y2: place[3]))
        try session.ask(prompt, meaning)
        let regions = session.regions
        for (place, region) in regions.enumerated() { try write(region.mask, to: "\(out)/\(number).mask\(place).bin") }
        return .list(regions.map { .number(Double($0.predictedIou)) })
    }
    if let shown = session.shown() { try write(shown.picture.argb, to: "\(out)/painted.bin") }
    print(
        jsonText(["regions": .list(found), "peak_kb": .int(try peakKb()), "bytes_per_pixel": .int(photoBytesPerPixel)]))
}

/// The most memory that this process ever had, as Linux counts it.
private func peakKb() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
}
