#if canImport(CoreML)
    import CoreML
    import Foundation
    import SegCore

    /// Apple's Core ML. Its units are those that `rapsam bench --on ios` asks for; "Core ML" alone chooses by itself.
    public struct CoreMLEngineFactory: EngineFactory {
        public let suffix = ".mlpackage"
        public let runtimes = [
            "Core ML", "Core ML, CPU", "Core ML, CPU and GPU", "Core ML, CPU and Neural Engine",
        ]

        public init() {}

        public func open(_ runtime: String, threads: Int?) throws -> any Engine {
            if let threads {
                throw Problem("Core ML chooses its threads by itself; expected none, not \(threads)")
            }
            guard let caches = FileManager.default.urls(for: .cachesDirectory, in: .userDomainMask).first else {
                throw Problem("the app has no caches on this phone; install it again")
            }
            let compiled = CompiledModels(in: caches.appendingPathComponent("compiled"), name: "model.mlmodelc")
            return CoreMLEngine(runtime, units: try units(runtime), compiled)
        }

        private func units(_ runtime: String) throws -> MLComputeUnits {
            let known: [MLComputeUnits] = [.all, .cpuOnly, .cpuAndGPU, .cpuAndNeuralEngine]
            guard let place = runtimes.firstIndex(of: runtime) else {
                throw Problem("Core ML has no unit \"\(runtime)\"; expected \(runtimes.joined(separator: " or "))")
            }
            return known[place]
        }
    }

    private final class CoreMLEngine: Engine {
        /// Core ML comes with the system, and has its version.
        let version: String? = ProcessInfo.processInfo.operatingSystemVersionString
        private let runtime: String
        private let configuration = MLModelConfiguration()
        private let compiled: CompiledModels

        init(_ runtime: String, units: MLComputeUnits, _ compiled: CompiledModels) {
            self.runtime = runtime
            self.compiled = compiled
            configuration.computeUnits = units
        }

        /// Bundles need a version of iOS, and a Mac that runs the app has another number.
        var release: [Int]? {
            #if os(macOS)
                return nil
            #else
                let process = ProcessInfo.processInfo
                let system = process.operatingSystemVersion
                return process.isiOSAppOnMac ? nil : [system.majorVersion, system.minorVersion, system.patchVersion]
            #endif
        }

        func load(_ bundle: ModelBundle, _ entry: GraphEntry) throws -> any LoadedGraph {
            let package = try bundle.verifiedPlace(entry.path)
            compiled.keep(only: bundle.manifest.graphs.map { origin(bundle, $0) })
            do {
                return try loaded(package, entry.contract, origin(bundle, entry))
            } catch let problem as Problem {
                throw problem
            } catch {
                throw Problem(
                    "\(runtime) refuses the graph \(entry.contract.graph) (\(error.localizedDescription)); take another "
                        + "compute unit, or export the bundle again")
            }
        }

        private func loaded(_ package: URL, _ contract: GraphContract, _ origin: String) throws -> any LoadedGraph {
            try compiled.load(origin) {
                try MLModel.compileModel(at: package)
            } _: { found in
                try CoreMLGraph(found, configuration, contract, runtime: runtime)
            }
        }

        /// Another system may compile a package otherwise.
        private func origin(_ bundle: ModelBundle, _ entry: GraphEntry) -> String {
            "\(bundle.digest(entry.path)) \(ProcessInfo.processInfo.operatingSystemVersionString)"
        }
    }

    private final class CoreMLGraph: LoadedGraph {
        let contract: GraphContract
        let times: LoadTimes
        private let runtime: String
        private let model: MLModel
        private let compiled: URL
        private let configuration: MLModelConfiguration
        /// Kept for all runs: what is given next takes the place of what was.
        private let arrays: [String: MLMultiArray]
        private let features: MLDictionaryFeatureProvider

        init(
            _ found: CompiledModels.Found, _ configuration: MLModelConfiguration, _ contract: GraphContract,
            runtime: String
        ) throws {
            (model, times) = try LoadTimes.measured(compileMs: found.compileMs) {
                try MLModel(contentsOf: found.place, configuration: configuration)
            }
            compiled = found.place
            self.configuration = configuration
            self.contract = contract
            self.runtime = runtime
            let pairs = try contract.inputs.map { spec in
                let shape = spec.shape.map { NSNumber(value: $0) }
                return (spec.name, try MLMultiArray(shape: shape, dataType: .float32))
            }
            arrays = Dictionary(uniqueKeysWithValues: pairs)
            features = try MLDictionaryFeatureProvider(
                dictionary: arrays.mapValues { MLFeatureValue(multiArray: $0) })
            let description = model.modelDescription
            try checkNames(
                contract, inputs: Array(description.inputDescriptionsByName.keys),
                outputs: Array(description.outputDescriptionsByName.keys))
        }

        func reported() -> [String]? { placement(of: compiled, configuration) }

        func run(_ inputs: Tensors) throws -> Tensors {
            for spec in contract.inputs { try fill(spec, with: inputs[spec.name]) }
            let outputs: any MLFeatureProvider
            do {
                outputs = try model.prediction(from: features)
            } catch {
                throw Problem(
                    "\(runtime) fails to run the graph \(contract.graph) (\(error.localizedDescription)); take another "
                        + "compute unit")
            }
            var found: Tensors = [:]
            for spec in contract.outputs { found[spec.name] = try tensor(outputs, spec) }
            return found
        }

        private func fill(_ spec: TensorSpec, with tensor: Tensor?) throws {
            guard let tensor, tensor.shape == spec.shape, tensor.data.count == spec.count else {
                throw Problem(
                    "graph \(contract.graph) got \(spec.name) as \(tensor?.shape ?? []); expected \(spec.shape): export "
                        + "the bundle again")
            }
            arrays[spec.name]?.withUnsafeMutableBytes { target, _ in
                tensor.data.withUnsafeBytes { target.copyMemory(from: $0) }
            }
        }

        private func tensor(_ outputs: any MLFeatureProvider, _ spec: TensorSpec) throws -> Tensor {
            guard let array = outputs.featureValue(for: spec.name)?.multiArrayValue, array.dataType == .float32 else {
                throw Problem("\(spec.name) of \(contract.graph) is no float32; export the bundle again")
            }
            let shape = array.shape.map(\.intValue)
            let strides = array.strides.map(\.intValue)
            return try array.withUnsafeBytes { bytes in
                let numbers = bytes.bindMemory(to: Float.self)
                guard let start = numbers.baseAddress else {
                    throw Problem("\(spec.name) of \(contract.graph) is empty; export the bundle again")
                }
                return Tensor(
                    data: try contiguous(start, count: numbers.count, shape: shape, strides: strides), shape: shape)
            }
        }
    }
#endif
