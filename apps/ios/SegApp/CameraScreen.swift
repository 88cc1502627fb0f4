import Foundation
import SegCore
import SwiftUI

/// The camera, frame by frame: objects that are followed, where the bundle can, else those of each frame. A frame that comes
/// while one is computed is left out.
struct CameraScreen: View {
    let worker: ModelWorker
    @Environment(\.scenePhase) private var phase
    @State private var life = CameraLife()
    @State private var feed: CameraFeed?
    @State private var shown = OnScreen()

    var body: some View {
        VStack {
            if let image = shown.image { Image(uiImage: image).resizable().scaledToFit() }
            Spacer()
            FoundList(shown: shown)
        }
        .task { happened(.appeared) }
        .onDisappear { happened(.disappeared) }
        .onChange(of: phase) { _, phase in
            // In between, as under a message of the system, frames go on.
            if phase == .active { happened(.activated) }
            if phase == .background { happened(.deactivated) }
        }
    }

    private func happened(_ event: CameraLife.Event) {
        switch life.handle(event) {
        case .nothing: break
        case .open(let number): open(number)
        case .start: feed?.start()
        case .stop: feed?.stop()
        case .close:
            feed?.stop()
            feed = nil
        }
        UIApplication.shared.isIdleTimerDisabled = feed != nil
        shown.problem = life.notice
        if !shown.problem.isEmpty { shown.status = "" }
    }

    private func open(_ number: Int) {
        shown = OnScreen(status: "Opening the camera")
        Task {
            do {
                if let problem = try await worker.run({ try $0.bundle().manifest.cameraProblem }) { throw problem }
                let opened = try await CameraFeed.opened(worker) { frame in
                    Task { @MainActor in show(frame, of: number) }
                } happening: { happening in
                    Task { @MainActor in happened(.camera(number, happening)) }
                }
                try await worker.run { try $0.camera().beginVideo() }
                // One that failed meanwhile is not kept.
                if life.counts(number) { feed = opened }
                happened(.camera(number, .opened))
            } catch {
                happened(.camera(number, .failed(told(error))))
            }
        }
    }

    private func show(_ frame: SeenFrame, of number: Int) {
        guard life.counts(number) else { return }
        shown.image = frame.image
        shown.entries = frame.entries
        shown.status = "\(frame.entries.count) objects in \(Int(frame.milliseconds)) ms; heat \(ApplePhone.heat)"
    }
}
