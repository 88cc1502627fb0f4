import Foundation
import SegCore
import SwiftUI

/// The camera, frame by frame: objects that are followed, where the bundle can, else those of each frame. A frame that comes
/// while one is computed is left out.
struct CameraScreen: View {
    let worker: ModelWorker
    @State private var feed: CameraFeed?
    @State private var shown = OnScreen()

    var body: some View {
        VStack {
            if let image = shown.image { Image(uiImage: image).resizable().scaledToFit() }
            Spacer()
            FoundList(shown: shown)
        }
        .task { await begin() }
        .onDisappear { end() }
    }

    private func begin() async {
        shown = OnScreen()
        do {
            let found = try await CameraFeed.opened(worker) { result in
                Task { @MainActor in show(result) }
            }
            try await worker.run { try $0.camera().beginVideo() }
            // Somebody may have gone to another screen meanwhile.
            if Task.isCancelled { return }
            UIApplication.shared.isIdleTimerDisabled = true
            feed = found
            found.start()
        } catch {
            shown.problem = told(error)
        }
    }

    private func end() {
        UIApplication.shared.isIdleTimerDisabled = false
        feed?.stop()
        feed = nil
    }

    private func show(_ result: Result<SeenFrame, any Error>) {
        switch result {
        case .success(let frame):
            shown.image = frame.image
            shown.entries = frame.entries
            shown.status = "\(frame.entries.count) objects in \(Int(frame.milliseconds)) ms; heat \(ApplePhone.heat)"
            shown.problem = ""
        case .failure(let error):
            shown.problem = told(error)
            end()
        }
    }
}
