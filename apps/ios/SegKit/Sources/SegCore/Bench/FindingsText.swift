import Foundation

/// What the benchmark's screen asks for: a fifth of what `rapsam bench` asks for, as somebody is waiting.
public func screenJob(_ runtime: String) -> Job {
    let timing = Timing(
        iters: 10, minSeconds: 0.2, maxSeconds: 12, rounds: 2, pauseS: 0.1, warmupMaxS: 5, stages: [], sustainedS: nil)
    return Job(runId: "screen", runtime: runtime, threads: nil, timing: timing)
}

/// Medians for people.
public func findingsText(_ found: Findings) -> String {
    var lines = ["Medians on \(found.input)", ""]
    lines += found.stages.map { stage in
        line([stage.kind, stage.of].compactMap { $0 }.joined(separator: " "), median(stage.samplesMs))
    }
    lines += [""] + found.graphs.map { line("load \($0.graph)", $0.loadMs) }
    lines += found.memory.map { ["", "peak memory \($0.peakMb) MiB"] } ?? []
    if let first = found.charges.first, let last = found.charges.last {
        let percents = [first, last].map { String(format: "%.0f %%", $0.battery.percent) }
        lines.append("battery \(percents[0]) to \(percents[1])")
    }
    lines += found.heat.isEmpty ? [] : ["heat \(found.heat.joined(separator: ", "))"]
    return lines.joined(separator: "\n")
}

private func line(_ name: String, _ milliseconds: Double) -> String {
    name.padding(toLength: max(name.count, 24), withPad: " ", startingAt: 0) + String(format: " %8.1f ms", milliseconds)
}
