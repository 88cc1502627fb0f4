import Foundation
import SegCore
import SwiftUI

/// What `rapsam bench --on ios` starts: runs a job that a computer has pushed, leaves the result, and ends the app.
struct BenchmarkRunScreen: View {
    let worker: ModelWorker
    let run: String
    @State private var step = ""

    var body: some View {
        Text(step).padding().task { await measure() }
    }

    private func measure() async {
        UIApplication.shared.isIdleTimerDisabled = true
        let tell: @Sendable (String) -> Void = { line in Task { @MainActor in step = line } }
        do {
            let error = try await worker.run { [run] _ in
                try JobFolder(in: documents(), runId: run).run(
                    app: build, phone: ApplePhone(), factories: engines, tell: tell)
            }
            // The computer shows what the app says last.
            print(error.map { "problem: \($0)" } ?? "done: \(run)")
            exit(0)
        } catch {
            print("problem: \(told(error))")
            exit(1)
        }
    }
}

private var build: AppBuild {
    let version = Bundle.main.object(forInfoDictionaryKey: "CFBundleShortVersionString") as? String
    #if DEBUG
        let type = "debug"
    #else
        let type = "release"
    #endif
    return AppBuild(version: version ?? "unknown", type: type)
}
