import Foundation
import SegCore
import SwiftUI

/// Shows what a bundle finds: in photos, through the camera, and how right and how fast it is on this phone.
@main
struct SampleApp: App {
    @State private var worker = ModelWorker()

    var body: some Scene {
        WindowGroup {
            if let run = benchmarkRun(in: ProcessInfo.processInfo.arguments) {
                BenchmarkRunScreen(worker: worker, run: run)
            } else {
                Screens(worker: worker)
            }
        }
    }
}

/// The four screens.
private struct Screens: View {
    let worker: ModelWorker

    var body: some View {
        TabView {
            PhotoScreen(worker: worker).tabItem { Label("Photo", systemImage: "photo") }
            CameraScreen(worker: worker).tabItem { Label("Camera", systemImage: "camera") }
            ReportScreen(worker: worker, kind: .selfTest).tabItem { Label("Self-test", systemImage: "checkmark.seal") }
            ReportScreen(worker: worker, kind: .benchmark).tabItem { Label("Benchmark", systemImage: "timer") }
        }
    }
}
