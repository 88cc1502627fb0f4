import SegCore
import SwiftUI

/// A picture that is asked: a tap for what is there, a finger that is held and then dragged for what is in the box.
struct PromptView: View {
    let image: UIImage?
    let size: PixelSize
    let ask: (Prompt) -> Void
    /// Nil again as soon as the gesture ends, also where the system takes it away.
    @GestureState private var drag: DragGesture.Value? = nil

    var body: some View {
        GeometryReader { geometry in
            let place = ShownPlace(of: size, inWidth: geometry.size.width, height: geometry.size.height)
            ZStack {
                if let image {
                    Image(uiImage: image).resizable().scaledToFit()
                } else {
                    Text("No photo yet").foregroundStyle(.secondary)
                }
                if let drag { Frame(from: drag.startLocation, to: drag.location).stroke(.white, lineWidth: 2) }
            }
            .frame(width: geometry.size.width, height: geometry.size.height)
            .contentShape(Rectangle())
            .gesture(box(place))
            .simultaneousGesture(
                SpatialTapGesture().onEnded { tap in
                    if let prompt = place?.tap(x: tap.location.x, y: tap.location.y) { ask(prompt) }
                })
        }
    }

    private func box(_ place: ShownPlace?) -> some Gesture {
        LongPressGesture(minimumDuration: 0.3).sequenced(before: DragGesture(minimumDistance: 4))
            .updating($drag) { value, drag, _ in
                if case .second(true, let dragged) = value { drag = dragged }
            }
            .onEnded { value in
                guard case .second(true, let dragged?) = value else { return }
                let (start, end) = (dragged.startLocation, dragged.location)
                if let prompt = place?.box(fromX: start.x, y: start.y, toX: end.x, y: end.y) { ask(prompt) }
            }
    }
}

/// The outline of a box that is being dragged.
private struct Frame: Shape {
    let from: CGPoint
    let to: CGPoint

    nonisolated func path(in rect: CGRect) -> Path {
        Path(CGRect(x: min(from.x, to.x), y: min(from.y, to.y), width: abs(to.x - from.x), height: abs(to.y - from.y)))
    }
}
