import SegCore
import SwiftUI

/// What is on the screen: a picture, what it shows, and what there is to say.
struct OnScreen {
    var image: UIImage?
    var size = PixelSize(height: 0, width: 0)
    /// Number of the photo; see `PhotoTurns`.
    var photo = 0
    var entries: [FoundEntry] = []
    /// Whether regions were asked for, so that there is something to undo.
    var hasRegions = false
    var status = ""
    var problem = ""
}

/// What there is to say, or what went wrong; under it what was found, each in its colour.
struct FoundList: View {
    let shown: OnScreen

    var body: some View {
        VStack(alignment: .leading) {
            if !shown.problem.isEmpty { Text(shown.problem).font(.footnote).foregroundStyle(.red) }
            if !shown.status.isEmpty { Text(shown.status).font(.footnote) }
            ScrollView {
                VStack(alignment: .leading) {
                    ForEach(0..<shown.entries.count, id: \.self) { row(shown.entries[$0]) }
                }
                .frame(maxWidth: .infinity, alignment: .leading)
            }
            .frame(maxHeight: 132)
        }
        .frame(maxWidth: .infinity, alignment: .leading)
        .padding()
    }

    private func row(_ entry: FoundEntry) -> some View {
        HStack {
            Text("■").foregroundStyle(colour(entry.colour)).accessibilityHidden(true)
            Text(entry.name)
            Text(entry.figure).foregroundStyle(.secondary)
        }
    }
}

private func colour(_ argb: UInt32) -> Color {
    let parts = [16, 8, 0].map { Double(argb >> $0 & 255) / 255 }
    return Color(red: parts[0], green: parts[1], blue: parts[2])
}
