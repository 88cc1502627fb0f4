import Foundation

/// Tensors by name, or by role.
public typealias Tensors = [String: Tensor]

/// A graph that can run.
public protocol Graph: AnyObject {
    var contract: GraphContract { get }

    /// Runs it.
    ///
    /// - Parameter inputs: By the names of the contract, and in its shapes.
    /// - Returns: By the names of the contract.
    /// - Throws: `Problem` if the runtime refuses, or returns something else than the contract says.
    func run(_ inputs: Tensors) throws -> Tensors
}

/// How long it took from a verified file to a graph that can run, in milliseconds.
public struct LoadTimes: Sendable {
    /// Loading alone.
    public let loadMs: Double
    /// Making the file ready for this phone before that, whenever that was; nil where that is one, or not known.
    public let compileMs: Double?

    public init(loadMs: Double, compileMs: Double?) {
        self.loadMs = loadMs
        self.compileMs = compileMs
    }

    /// Does something, and returns its result and how long it took.
    public static func measured<Value>(
        compileMs: Double? = nil, _ load: () throws -> Value
    ) rethrows -> (Value, LoadTimes) {
        let before = now()
        let value = try load()
        return (value, LoadTimes(loadMs: (now() - before) * 1e3, compileMs: compileMs))
    }
}

/// A graph that a runtime has loaded.
public protocol LoadedGraph: Graph {
    var times: LoadTimes { get }

    /// What computes, as the runtime reports it, preferred first; nil if it does not say. It may take a while: for those who
    /// measure.
    func reported() -> [String]?
}

/// A runtime that has started. Not for several threads at a time.
public protocol Engine: AnyObject {
    /// Of the runtime; nil if it does not say.
    var version: String? { get }

    /// The same as numbers, to be compared with the oldest that a bundle needs; nil where that says nothing.
    var release: [Int]? { get }

    /// Loads a graph.
    ///
    /// - Parameters:
    ///   - bundle: Where its file lies, verified.
    ///   - entry: Which one.
    /// - Throws: `Problem` if the runtime refuses it, or it is another graph than the contract describes.
    func load(_ bundle: ModelBundle, _ entry: GraphEntry) throws -> any LoadedGraph
}

extension Engine {
    public var release: [Int]? { version.flatMap(versionNumbers) }
}

/// A runtime that this app has; to add one, implement this and name it where the app lists its engines.
public protocol EngineFactory: Sendable {
    /// Of the files that it runs, as in ".onnx".
    var suffix: String { get }

    /// What it can compute on, by the name that records have: the runtime's, with the unit behind a comma. The one that is
    /// taken unless told comes first.
    var runtimes: [String] { get }

    /// Starts it.
    ///
    /// - Parameters:
    ///   - runtime: One of `runtimes`.
    ///   - threads: CPU threads; nil: the runtime chooses.
    /// - Throws: `Problem` if the phone does not have that unit.
    func open(_ runtime: String, threads: Int?) throws -> any Engine
}

/// Finds what runs the graphs of a bundle.
///
/// - Throws: `Problem` if none of the engines does.
public func factory(for path: String, of factories: [any EngineFactory]) throws -> any EngineFactory {
    if let found = factories.first(where: { path.hasSuffix($0.suffix) }) { return found }
    let known = factories.map(\.suffix).joined(separator: " or ")
    throw Problem(
        "this app cannot run \(path): the bundle is for another platform; expected files of \(known): export it for iOS"
    )
}

/// Throws a `Problem` unless a file has the inputs and outputs of its contract, in any order.
public func checkNames(_ contract: GraphContract, inputs: [String], outputs: [String]) throws {
    for (kind, specs, names) in [("inputs", contract.inputs, inputs), ("outputs", contract.outputs, outputs)] {
        let wanted = specs.map(\.name)
        if wanted.sorted() != names.sorted() {
            throw Problem(
                "the file of \(contract.graph) has the \(kind) \(names.joined(separator: ", ")); its contract says "
                    + "\(wanted.joined(separator: ", ")): export the bundle again")
        }
    }
    if let other = (contract.inputs + contract.outputs).first(where: { $0.dtype != "float32" }) {
        throw Problem(
            "\(other.name) of \(contract.graph) is \(other.dtype); this app runs float32: install a newer app")
    }
}
