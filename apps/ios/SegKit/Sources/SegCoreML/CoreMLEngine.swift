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
            return CoreMLEngine(runtime, units: try units(runtime))
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

        init(_ runtime: String, units: MLComputeUnits) {
            self.runtime = runtime
            configuration.computeUnits = units
        }

        func load(_ bundle: ModelBundle, _ entry: GraphEntry) throws -> any Graph {
            let package = try bundle.verifiedPlace(entry.path)
            do {
                return try CoreMLGraph(package, configuration, entry.contract, runtime: runtime)
            } catch let problem as Problem {
                throw problem
            } catch {
                throw Problem(
                    "\(runtime) refuses the graph \(entry.contract.graph) (\(error.localizedDescription)); take another "
                        + "compute unit, or export the bundle again")
            }
        }
    }

    private final class CoreMLGraph: Graph {
        let contract: GraphContract
        let reported: [String]?
        let compileMs: Double?
        private let runtime: String
        private let model: MLModel
        /// Among the temporary files, for as long as the model may read it.
        private let compiled: URL
        /// Kept for all runs: what is given next takes the place of what was.
        private let arrays: [String: MLMultiArray]
        private let features: MLDictionaryFeatureProvider

        init(
            _ package: URL, _ configuration: MLModelConfiguration, _ contract: GraphContract, runtime: String
        ) throws {
            let before = DispatchTime.now().uptimeNanoseconds
            compiled = try MLModel.compileModel(at: package)
            compileMs = Double(DispatchTime.now().uptimeNanoseconds - before) / 1e6
            model = try MLModel(contentsOf: compiled, configuration: configuration)
            reported = placement(of: compiled, configuration)
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

        deinit {
            try? FileManager.default.removeItem(at: compiled)
        }

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
