import SegCore
import SwiftUI

/// What is on the screen: a picture, what it shows, and what there is to say.
struct OnScreen {
    var image: UIImage?
    var size = PixelSize(height: 0, width: 0)
    /// Number of the photo; see `PhotoTurns`.
    var photo = 0
    var entries: [FoundEntry] = []
    var status = ""
    var problem = ""
}

/// What was found, each in its colour, and under it what went wrong.
struct FoundList: View {
    let shown: OnScreen

    var body: some View {
        VStack(alignment: .leading) {
            if !shown.problem.isEmpty { Text(shown.problem).foregroundStyle(.red) }
            Text(shown.status).font(.footnote)
            ScrollView {
                ForEach(0..<shown.entries.count, id: \.self) { place in
                    let entry = shown.entries[place]
                    HStack {
                        Text("■").foregroundStyle(colour(entry.colour))
                        Text(entry.name)
                        Text(entry.figure).foregroundStyle(.secondary)
                    }
                }
            }
            .frame(maxHeight: 160)
        }
        .padding()
    }
}

private func colour(_ argb: UInt32) -> Color {
    let parts = [16, 8, 0].map { Double(argb >> $0 & 255) / 255 }
    return Color(red: parts[0], green: parts[1], blue: parts[2])
}
