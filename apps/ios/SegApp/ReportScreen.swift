import Foundation
import SegCore
import SwiftUI

/// The self-test, or the benchmark, for a compute unit.
struct ReportScreen: View {
    let worker: ModelWorker
    let kind: Report
    @State private var runtimes: [String] = []
    @State private var runtime = ""
    @State private var isRunning = false
    @State private var step = ""
    @State private var text = ""

    var body: some View {
        VStack(alignment: .leading) {
            Text(kind.explained)
            HStack {
                Text("Compute unit").accessibilityHidden(true)
                Spacer()
                Picker("Compute unit", selection: $runtime) {
                    ForEach(runtimes, id: \.self) { Text($0) }
                }
                .disabled(isRunning)
            }
            HStack {
                Button("Start") { start() }.buttonStyle(.borderedProminent).disabled(isRunning || runtime.isEmpty)
                if isRunning { ProgressView() }
                Text(step).font(.footnote)
            }
            ScrollView {
                Text(text).font(.system(.footnote, design: .monospaced)).frame(maxWidth: .infinity, alignment: .leading)
            }
        }
        .padding()
        .task { await choose() }
    }

    private func choose() async {
        do {
            runtimes = try await worker.run { try $0.factory().runtimes }
            if runtime.isEmpty { runtime = runtimes[0] }
        } catch {
            text = told(error)
        }
    }

    private func start() {
        isRunning = true
        text = ""
        UIApplication.shared.isIdleTimerDisabled = true
        let (kind, runtime) = (kind, runtime)
        let tell: @Sendable (String) -> Void = { line in Task { @MainActor in step = line } }
        Task {
            do {
                text = try await worker.run { desk in
                    try desk.text(of: kind, screenJob(runtime), phone: ApplePhone(), tell: tell)
                }
            } catch {
                text = told(error)
            }
            UIApplication.shared.isIdleTimerDisabled = false
            isRunning = false
            step = ""
        }
    }
}
