import Foundation

/// About what a camera shows while one looks.
private let photo = PixelSize(height: 960, width: 1280)
private let windowS = 5.0

/// Takes an output of the self-test: case, graph and output by their places.
typealias TakeOutput = (_ place: Int, _ graph: Int, _ output: Int, _ values: [Float]) throws -> Void

/// Measures a bundle, and runs its self-test: whoever has the references and the gates will judge.
public final class Benchmark {
    private let job: Job
    private let phone: any Phone
    private let tell: (String) -> Void
    private var graphs: [GraphTimes] = []
    private var windows: [SustainedWindow] = []
    private var charges: [Charge] = []
    private var heat: [String] = []
    private var peakMb: Int?
    private var loadedAt = 0.0

    /// - Parameter tell: Told what begins now.
    public init(_ job: Job, on phone: any Phone, tell: @escaping (String) -> Void) {
        self.job = job
        self.phone = phone
        self.tell = tell
    }

    /// Runs the job.
    ///
    /// - Throws: `Problem` if the bundle, the runtime or the job cannot be used.
    public func run(_ bundle: ModelBundle, with factory: any EngineFactory) throws -> Findings {
        try run(bundle, with: factory) { _, _, _, _ in }
    }

    func run(
        _ bundle: ModelBundle, with factory: any EngineFactory, takeOutput: TakeOutput
    ) throws -> Findings {
        let facts = phone.facts()
        let baseline = phone.memoryMb()
        tell("Loading")
        let loaded = try LoadedBundle(bundle, factory: factory, runtime: job.runtime, threads: job.threads)
        loadedAt = now()
        graphs = loaded.graphs.map {
            GraphTimes(graph: $0.contract.graph, loadMs: $0.times.loadMs, compileMs: $0.times.compileMs)
        }
        let stages = try measure(loaded, takeOutput)
        // The runtime may look at the whole graph for that, so it is asked when nothing is timed any more.
        for graph in loaded.graphs { change(graph.contract.graph) { $0.reported = graph.reported() } }
        return Findings(
            facts: facts, runtimeVersion: loaded.engine.version, graphs: graphs, stages: stages, windows: windows,
            memory: peakMb.map { MemoryUse(baselineMb: baseline, peakMb: $0, metric: phone.memoryMetric) },
            charges: charges, heat: heat,
            input: "the first image of the bundle's self-test, enlarged to \(photo), and prompts on it")
    }

    private func measure(_ loaded: LoadedBundle, _ takeOutput: TakeOutput) throws -> [StageTimes] {
        let cases = try goldenCases(loaded.bundle)
        tell("First runs")
        let found = try Stages(loaded, resized(cases[0].picture, to: photo)) { [self] name, run in
            let before = now()
            let outputs = try run()
            change(name) { $0.firstMs = (now() - before) * 1e3 }
            return outputs
        }
        defer { found.forget() }
        let stages = try wantedStages(found.all, job.timing.stages)
        tell("Self-test")
        for (place, one) in cases.enumerated() {
            for (graph, step) in try runChain(loaded.names, loaded.byName, one.given).enumerated() {
                for (output, spec) in step.contract.outputs.enumerated() {
                    try takeOutput(place, graph, output, step.outputs[spec.name]?.data ?? [])
                }
            }
        }
        tell("Warming up")
        for graph in loaded.graphs {
            let inputs = found.inputs(of: graph.contract.graph)
            let warm = try warmUp(atMostS: job.timing.warmupMaxS) { _ = try graph.run(inputs) }
            change(graph.contract.graph) { $0.warmUp = warm }
        }
        look()
        return try takeTurns(stages) + sustained(stages)
    }

    private func change(_ graph: String, _ edit: (inout GraphTimes) -> Void) {
        if let place = graphs.firstIndex(where: { $0.graph == graph }) { edit(&graphs[place]) }
    }

    private func takeTurns(_ stages: [Stage]) throws -> [StageTimes] {
        let timing = job.timing
        var times = stages.map { StageTimes(kind: $0.kind, of: $0.of, mode: "burst") }
        let count = (timing.iters + timing.rounds - 1) / timing.rounds
        for round in 1...timing.rounds {
            tell("Measuring, round \(round) of \(timing.rounds)")
            for (place, stage) in stages.enumerated() {
                times[place].samplesMs += try sample(
                    atLeast: count, atLeastS: timing.minSeconds / Double(timing.rounds),
                    atMostS: timing.maxSeconds / Double(timing.rounds), stage.run)
            }
            look()
            Thread.sleep(forTimeInterval: timing.pauseS)
        }
        return times
    }

    /// Runs the stage that says most without a pause, for as long as was wanted.
    private func sustained(_ stages: [Stage]) throws -> [StageTimes] {
        guard let seconds = job.timing.sustainedS,
            let stage = stages.first(where: { $0.kind == "end_to_end" }) ?? stages.first
        else { return [] }
        var times = StageTimes(kind: stage.kind, of: stage.of, mode: "sustained")
        let start = now()
        var passed = 0.0
        while passed < seconds {
            let window = min(windowS, seconds - passed)
            let samples = try sample(atLeast: 1, atLeastS: window, atMostS: window, stage.run)
            times.samplesMs += samples
            passed = now() - start
            windows.append(SustainedWindow(tS: passed, count: samples.count, medianMs: median(samples)))
            tell("Sustained, \(Int(passed)) of \(Int(seconds)) s")
            look()
        }
        return times.samplesMs.isEmpty ? [] : [times]
    }

    /// Reads memory, battery and heat.
    private func look() {
        if let mb = phone.memoryMb() { peakMb = max(mb, peakMb ?? mb) }
        if let battery = phone.battery() { charges.append(Charge(tS: now() - loadedAt, battery: battery)) }
        if let state = phone.thermalState(), heat.last != state { heat.append(state) }
    }
}
