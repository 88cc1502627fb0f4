@testable import SegCore

/// How a runtime behaves.
enum Mood {
    case works, returnsNan, refuses, fails, returnsAnotherShape
}

/// Stands for a runtime: the left half of an image is a cup, the right half a wall; a prompt is answered with its left half.
final class FakeFactory: EngineFactory, @unchecked Sendable {
    let suffix = ".fake"
    let runtimes = ["Fake", "Fake, other"]
    let mood: Mood

    /// How often a graph ran.
    var runs = 0

    /// What the last graph that ran got.
    var given: Tensors = [:]

    /// Graphs that are loaded now, and the most that ever were at a time.
    fileprivate(set) var loaded = 0
    fileprivate(set) var mostLoaded = 0

    /// How often somebody asked what computes, which may take a while.
    fileprivate(set) var reports = 0

    init(_ mood: Mood = .works) { self.mood = mood }

    func open(_ runtime: String, threads: Int?) throws -> any Engine { FakeEngine(self, runtime) }
}

private final class FakeEngine: Engine {
    let version: String? = "1"
    private let factory: FakeFactory
    private let runtime: String

    init(_ factory: FakeFactory, _ runtime: String) {
        self.factory = factory
        self.runtime = runtime
    }

    func load(_ bundle: ModelBundle, _ entry: GraphEntry) throws -> any LoadedGraph {
        if factory.mood == .refuses {
            throw Problem("\(runtime) refuses the graph \(entry.contract.graph) (no kernel); take another")
        }
        return FakeGraph(factory, entry.contract)
    }
}

private final class FakeGraph: LoadedGraph {
    let contract: GraphContract
    let times = LoadTimes(loadMs: 3, compileMs: 2)
    private let factory: FakeFactory

    init(_ factory: FakeFactory, _ contract: GraphContract) {
        self.factory = factory
        self.contract = contract
        factory.loaded += 1
        factory.mostLoaded = max(factory.mostLoaded, factory.loaded)
    }

    deinit { factory.loaded -= 1 }

    func reported() -> [String]? {
        factory.reports += 1
        return ["fake"]
    }

    func run(_ inputs: Tensors) throws -> Tensors {
        factory.runs += 1
        factory.given = inputs
        if factory.mood == .fails {
            throw Problem("Fake fails to run the graph \(contract.graph) (out of memory); take another")
        }
        var found: Tensors = [:]
        for spec in contract.outputs {
            var data = (0..<spec.count).map { value(spec.name, $0) }
            if factory.mood == .returnsNan && ["masks", "mask"].contains(spec.name) { data[0] = .nan }
            let shape = factory.mood == .returnsAnotherShape ? spec.shape + [1] : spec.shape
            found[spec.name] = Tensor(data: data, shape: shape)
        }
        return found
    }

    private func value(_ name: String, _ place: Int) -> Float {
        let isLeft = place % (tinySide / 4) < tinySide / 8
        switch name {
        // Queries: a cup, a wall, nothing.
        case "classes": return [0, 6, 11].contains(place) ? 9 : 0
        case "masks": return (place / (tinySide * tinySide / 16) == 0) == isLeft ? 5 : -5
        case "mask": return isLeft ? 5 : -5
        case "queries": return place % 4 == 0 ? 1 : 0
        case "iou": return 0.5 + 0.125 * Float(place)
        default: return 0
        }
    }
}
