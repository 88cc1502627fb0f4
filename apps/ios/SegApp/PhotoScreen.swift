import Foundation
import PhotosUI
import SegCore
import SwiftUI

/// Photos: objects, and regions by taps or boxes.
struct PhotoScreen: View {
    /// Something to do with the photo of a number.
    private struct Work: Sendable {
        let photo: Int
        /// Told what begins; returns what was done, for people.
        let job: @Sendable (Desk, (String) -> Void) throws -> String
    }

    let worker: ModelWorker
    @State private var chosen: PhotosPickerItem?
    @State private var shown = OnScreen()
    @State private var turns = PhotoTurns<Work>()
    @State private var meanings: [TapMeaning] = []

    private var isBusy: Bool { turns.isBusy || !turns.counts(shown.photo) }

    var body: some View {
        VStack {
            HStack {
                PhotosPicker("Photo", selection: $chosen, matching: .images)
                Spacer()
                if isBusy { ProgressView() }
                Button("Undo") { work { try $0.session().undo() } }.disabled(isBusy || !shown.hasRegions)
                Button("Clear") { work { try $0.session().clear() } }.disabled(isBusy || !shown.hasRegions)
            }
            .buttonStyle(.bordered)
            .padding(.horizontal)
            if meanings.count > 1 {
                Picker("What a tap asks for", selection: $turns.meaning) {
                    ForEach(meanings, id: \.self) { Text($0.rawValue).accessibilityLabel($0.explained) }
                }
                .pickerStyle(.segmented)
                .padding(.horizontal)
            }
            PromptView(image: shown.image, size: shown.size, ask: ask)
            FoundList(shown: shown)
        }
        .task { await describe() }
        .onChange(of: chosen) { _, item in take(item) }
        .onReceive(NotificationCenter.default.publisher(for: UIApplication.didReceiveMemoryWarningNotification)) { _ in
            memoryIsShort()
        }
    }

    private func describe() async {
        if shown.image != nil { return }
        shown.status = "Loading"
        do {
            let (line, found) = try await worker.run { desk in
                (try desk.description(), try desk.bundle().manifest.prompting?.meanings ?? [])
            }
            meanings = found
            if !isBusy { shown.status = line }
        } catch {
            complain(error)
        }
    }

    private func take(_ item: PhotosPickerItem?) {
        guard let item else { return }
        let photo = turns.choose()
        shown.status = "Reading the photo"
        Task {
            do {
                guard let data = try await item.loadTransferable(type: Data.self) else {
                    throw Problem("that photo cannot be read; choose one that lies on this phone")
                }
                offer(photo) { desk, tell in
                    let session = try desk.session()
                    session.take(try readPhoto(data), as: photo)
                    return try session.prepare(tell)
                }
            } catch {
                if await show(photo) { complain(error) }
            }
        }
    }

    private func ask(_ prompt: Prompt) {
        let meaning = turns.meaning
        offer(shown.photo) { desk, tell in
            tell("Looking for the region")
            try desk.session().ask(prompt, meaning)
            return "Region found"
        }
    }

    private func work(_ change: @escaping @Sendable (Desk) throws -> Void) {
        offer(shown.photo) { desk, _ in
            try change(desk)
            return "Done"
        }
    }

    private func offer(_ photo: Int, _ job: @escaping @Sendable (Desk, (String) -> Void) throws -> String) {
        if let work = turns.offer(Work(photo: photo, job: job), on: photo) { perform(work) }
    }

    /// Does something, shows what there is then, and how long it took; then what waits.
    private func perform(_ work: Work) {
        shown.problem = ""
        let tell: @Sendable (String) -> Void = { line in
            Task { @MainActor in
                if turns.counts(work.photo) { shown.status = line }
            }
        }
        Task {
            do {
                let start = ContinuousClock.now
                let done = try await worker.run { try work.job($0, tell) }
                let passed = (ContinuousClock.now - start).formatted(.units(allowed: [.milliseconds]))
                if await show(work.photo) { shown.status = "\(done) (\(passed))" }
            } catch {
                if await show(work.photo) { complain(error) }
            }
            if let next = turns.next() { perform(next) }
        }
    }

    /// Paints on the worker's thread, and shows what it painted, unless another photo was chosen meanwhile. Where the photo could
    /// not be had, that is the one before.
    private func show(_ photo: Int) async -> Bool {
        do {
            let (number, view, hasRegions) = try await worker.run { desk in
                let session = try desk.session()
                return (session.number, session.shown(), session.hasRegions)
            }
            guard turns.counts(photo) else { return false }
            guard let number, let view, turns.settle(on: number) else {
                showNothing()
                return true
            }
            shown.photo = number
            shown.image = try shownImage(view.picture)
            shown.size = view.picture.size
            shown.entries = view.entries
            shown.hasRegions = hasRegions
            return true
        } catch {
            if turns.counts(photo) { complain(error) }
            return false
        }
    }

    private func memoryIsShort() {
        Task {
            guard let lost = try? await worker.run({ $0.forget() }), turns.lose(lost) else { return }
            showNothing()
            complain(Problem("memory is short, so the photo was let go; close other apps, and choose it again"))
        }
    }

    private func showNothing() { shown = OnScreen(photo: turns.photo, status: shown.status, problem: shown.problem) }

    private func complain(_ error: any Error) {
        shown.problem = told(error)
        shown.status = ""
    }
}
