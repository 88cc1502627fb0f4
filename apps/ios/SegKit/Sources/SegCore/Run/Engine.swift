import Foundation

/// Tensors by name, or by role.
public typealias Tensors = [String: Tensor]

/// A graph that a runtime has loaded.
public protocol Graph: AnyObject {
    var contract: GraphContract { get }

    /// What computes, as the runtime reports it, preferred first; nil if it does not say.
    var reported: [String]? { get }

    /// How long the runtime took to make the file ready for this phone, before loading it; nil where that is one.
    var compileMs: Double? { get }

    /// Runs it.
    ///
    /// - Parameter inputs: By the names of the contract, and in its shapes.
    /// - Returns: By the names of the contract.
    /// - Throws: `Problem` if the runtime refuses, or returns something else than the contract says.
    func run(_ inputs: Tensors) throws -> Tensors
}

/// A runtime that has started. Not for several threads at a time.
public protocol Engine: AnyObject {
    /// Of the runtime; nil if it does not say.
    var version: String? { get }

    /// Loads a graph.
    ///
    /// - Parameters:
    ///   - bundle: Where its file lies, verified.
    ///   - entry: Which one.
    /// - Throws: `Problem` if the runtime refuses it, or it is another graph than the contract describes.
    func load(_ bundle: ModelBundle, _ entry: GraphEntry) throws -> any Graph
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
