/// One graph, from its file to a steady state; nil is what was not come to.
struct GraphTimes {
    let graph: String
    let loadMs: Double
    let compileMs: Double?
    var reported: [String]?
    var firstMs: Double?
    var warmUp: WarmUp?
}

/// Times of a stage.
struct StageTimes {
    let kind: String
    let of: String?
    /// "burst": in turns, with pauses; "sustained": without a pause.
    let mode: String
    var samplesMs: [Double] = []
}

/// A piece of the sustained run, `tS` being its end, in seconds since the run began.
struct SustainedWindow {
    let tS: Double
    let count: Int
    let medianMs: Double
}

/// One reading of the battery, `tS` seconds after the graphs were loaded.
struct Charge {
    let tS: Double
    let battery: Battery
}

/// What a run found out.
public struct Findings {
    let facts: PhoneFacts
    /// Nil if the runtime does not say.
    let runtimeVersion: String?
    /// In the order of the manifest.
    let graphs: [GraphTimes]
    let stages: [StageTimes]
    let windows: [SustainedWindow]
    let memory: MemoryUse?
    let charges: [Charge]
    /// What the system called its heat, in order, each change once.
    let heat: [String]
    /// What was timed, in words.
    let input: String
}

/// The app that measures: its version, and "debug" or "release".
public struct AppBuild: Sendable {
    let version: String
    let type: String

    public init(version: String, type: String) {
        self.version = version
        self.type = type
    }
}

/// Writes the record of a run, as benchmarks/runners/app_contract.py has it.
func resultJson(_ runId: String, _ app: AppBuild, _ found: Findings) -> Json {
    record(
        head(runId, app, nil, found.facts, found.runtimeVersion),
        graphs: found.graphs.map(graph),
        stages: found.stages.map { stage in
            [
                "kind": .text(stage.kind), "of": .string(stage.of), "mode": .text(stage.mode),
                "samples_ms": .list(stage.samplesMs.map(Json.number)),
            ]
        },
        rest: [
            ("sustained", orNull(found.windows.map(window))),
            ("memory", found.memory.map(memory) ?? .null),
            ("battery", orNull(found.charges.map(charge))),
            ("thermal_states", orNull(found.heat.map(Json.text))),
            ("input", .text(found.input)),
        ])
}

/// Writes why there is no record, one line.
func errorJson(_ runId: String, _ app: AppBuild, _ facts: PhoneFacts, _ error: String) -> Json {
    let rest = ["sustained", "memory", "battery", "thermal_states", "input"].map { (name: $0, value: Json.null) }
    return record(head(runId, app, error, facts, nil), graphs: [], stages: [], rest: rest)
}

/// Names the file, beside the result, of an output of the self-test: float32, little-endian, in C order.
func outputFile(_ place: Int, graph: Int, output: Int) -> String { "case\(place).graph\(graph).output\(output).bin" }

private typealias Fields = [(name: String, value: Json)]

private func record(_ head: Fields, graphs: [Json], stages: [Json], rest: Fields) -> Json {
    .object(head + [("graphs", .list(graphs)), ("stages", .list(stages))] + rest)
}

private func head(
    _ runId: String, _ app: AppBuild, _ error: String?, _ facts: PhoneFacts, _ version: String?
) -> Fields {
    [
        ("schema_version", .int(contractVersion)), ("run_id", .text(runId)), ("error", .string(error)),
        ("app_version", .text(app.version)), ("build_type", .text(app.type)), ("runtime_version", .string(version)),
        (
            "phone",
            [
                "cores": .int(facts.cores), "ram_mb": .int(facts.ramMb), "low_power": .bool(facts.lowPower),
                "battery_pct": .double(facts.battery?.percent), "charging": .bool(facts.battery?.charging),
            ]
        ),
    ]
}

private func graph(_ times: GraphTimes) -> Json {
    let samples = times.warmUp?.samples
    let average = samples.map { $0.reduce(0, +) / Double($0.count) }
    return [
        "graph": .text(times.graph), "reported": times.reported.map { .list($0.map(Json.text)) } ?? .null,
        "load_ms": .number(times.loadMs), "compile_ms": .double(times.compileMs), "first_ms": .double(times.firstMs),
        "average_warmup_ms": .double(average), "warmup_iters": .int(samples?.count),
        "is_warm": .bool(times.warmUp?.isSteady),
    ]
}

private func window(_ window: SustainedWindow) -> Json {
    ["t_s": .number(window.tS), "n": .int(window.count), "p50_ms": .number(window.medianMs)]
}

private func memory(_ use: MemoryUse) -> Json {
    ["baseline_mb": .int(use.baselineMb), "peak_mb": .int(use.peakMb), "metric": .text(use.metric)]
}

private func charge(_ charge: Charge) -> Json {
    [
        "t_s": .number(charge.tS), "percent": .number(charge.battery.percent),
        "charging": .bool(charge.battery.charging),
    ]
}

private func orNull(_ items: [Json]) -> Json { items.isEmpty ? .null : .list(items) }
