import Foundation
import PhotosUI
import SegCore
import SwiftUI

/// Photos: objects, and regions by tap or box.
struct PhotoScreen: View {
    let worker: ModelWorker
    @State private var chosen: PhotosPickerItem?
    @State private var shown = OnScreen()

    var body: some View {
        VStack {
            HStack {
                PhotosPicker("Photo", selection: $chosen, matching: .images)
                Button("Clear") { work("cleared") { try $0.session().clear() } }
            }
            PromptView(image: shown.image, size: shown.size) { prompt in
                work("region found") { try $0.session().ask(prompt) }
            }
            FoundList(shown: shown)
        }
        .task { await describe() }
        .onChange(of: chosen) { _, item in take(item) }
        .onReceive(NotificationCenter.default.publisher(for: UIApplication.didReceiveMemoryWarningNotification)) { _ in
            memoryIsShort()
        }
    }

    private func describe() async {
        shown.status = "Loading"
        do {
            shown.status = try await worker.run { try $0.description() }
        } catch {
            complain(error)
        }
    }

    private func take(_ item: PhotosPickerItem?) {
        guard let item else { return }
        Task {
            do {
                guard let data = try await item.loadTransferable(type: Data.self) else {
                    throw Problem("that photo cannot be read; choose one that lies on this phone")
                }
                work("objects found") { desk in
                    let session = try desk.session()
                    session.take(try readPhoto(data))
                    try session.find()
                }
            } catch {
                complain(error)
            }
        }
    }

    /// Does something, says how long it took, and shows what there is then.
    private func work(_ done: String, _ job: @escaping @Sendable (Desk) throws -> Void) {
        shown.status = "Working"
        shown.problem = ""
        Task {
            do {
                let start = ContinuousClock.now
                try await worker.run(job)
                let passed = ContinuousClock.now - start
                await show()
                shown.status = "\(done) in \(passed.formatted(.units(allowed: [.milliseconds])))"
            } catch {
                complain(error)
                await show()
            }
        }
    }

    /// Paints on the worker's thread, and shows what it painted.
    private func show() async {
        do {
            let view = try await worker.run { try $0.session().shown() }
            shown.image = try view.map { try shownImage($0.picture) }
            shown.size = view?.picture.size ?? PixelSize(height: 0, width: 0)
            shown.entries = view?.entries ?? []
        } catch {
            complain(error)
        }
    }

    private func memoryIsShort() {
        Task {
            guard (try? await worker.run { $0.forget() }) == true else { return }
            complain(Problem("memory is short, so the photo was let go; close other apps, and choose it again"))
            await show()
        }
    }

    private func complain(_ error: any Error) {
        shown.problem = told(error)
        shown.status = ""
    }
}

/// A picture that is asked: a tap for what is there, a finger that is held and then dragged for what is in the box.
private struct PromptView: View {
    let image: UIImage?
    let size: PixelSize
    let ask: (Prompt) -> Void
    @State private var drag: DragGesture.Value?

    var body: some View {
        GeometryReader { geometry in
            let place = ShownPlace(of: size, inWidth: geometry.size.width, height: geometry.size.height)
            ZStack {
                if let image { Image(uiImage: image).resizable().scaledToFit() }
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
            .onChanged { value in
                if case .second(true, let dragged) = value { drag = dragged }
            }
            .onEnded { value in
                drag = nil
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
