/// A bundle whose graphs are loaded. Not for several threads at a time.
public final class LoadedBundle {
    public let bundle: ModelBundle
    /// What computes; see `EngineFactory.runtimes`.
    public let runtime: String
    public let engine: any Engine
    /// In the order of the manifest.
    let graphs: [any LoadedGraph]

    /// Loads all graphs of a bundle.
    ///
    /// - Parameters:
    ///   - runtime: One of the factory's.
    ///   - threads: CPU threads; nil: the runtime chooses.
    /// - Throws: `Problem` if a file is another one than the manifest names, the runtime is older than the bundle needs, or it
    ///   refuses a graph.
    public init(_ bundle: ModelBundle, factory: any EngineFactory, runtime: String, threads: Int?) throws {
        guard factory.runtimes.contains(runtime) else {
            throw Problem(
                "\(runtime) does not run this bundle; expected \(factory.runtimes.joined(separator: " or "))")
        }
        let engine = try factory.open(runtime, threads: threads)
        try checkRelease(of: engine, runtime, needed: bundle.manifest.minimumRuntime)
        graphs = try bundle.manifest.graphs.map { try engine.load(bundle, $0) }
        self.bundle = bundle
        self.runtime = runtime
        self.engine = engine
    }

    /// Finds the engine for a bundle; see `factory(for:of:)`.
    public static func factory(
        for bundle: ModelBundle, of factories: [any EngineFactory]
    ) throws -> any EngineFactory {
        let found = try bundle.manifest.graphs.map { try SegCore.factory(for: $0.path, of: factories) }
        guard let first = found.first, found.allSatisfy({ $0.suffix == first.suffix }) else {
            throw Problem("the bundle needs several runtimes at once; export it again")
        }
        return first
    }

    /// Names of the graphs, in the order of the manifest.
    var names: [String] { graphs.map(\.contract.graph) }

    /// The graphs by name.
    var byName: Graphs { Dictionary(uniqueKeysWithValues: graphs.map { ($0.contract.graph, $0) }) }
}
