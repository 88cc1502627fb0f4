import COnnxRuntime
import Foundation
import SegCore

/// Microsoft's ONNX Runtime, through its C API, on the CPU.
public struct OnnxEngineFactory: EngineFactory {
    public let suffix = ".onnx"
    public let runtimes = ["ONNX Runtime"]

    public init() {}

    public func open(_ runtime: String, threads: Int?) throws -> any Engine {
        try OnnxEngine(runtime, threads: threads)
    }
}

private final class OnnxEngine: Engine {
    let version: String?
    private let api: OnnxApi
    private let options: OpaquePointer

    init(_ runtime: String, threads: Int?) throws {
        api = try OnnxApi(runtime)
        version = OnnxApi.version
        options = try api.made { $0.CreateSessionOptions(&$1) }
        try api.call { $0.SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL) }
        if let threads { try api.call { $0.SetIntraOpNumThreads(options, Int32(threads)) } }
    }

    deinit {
        api.functions.ReleaseSessionOptions(options)
    }

    func load(_ bundle: ModelBundle, _ entry: GraphEntry) throws -> any LoadedGraph {
        try OnnxGraph(api, options, model: bundle.file(entry.path), entry.contract)
    }
}

private final class OnnxGraph: LoadedGraph {
    let contract: GraphContract
    let times: LoadTimes
    private let api: OnnxApi
    private let session: OpaquePointer
    private let memory: OpaquePointer
    private let inputNames: [UnsafePointer<CChar>?]
    private let outputNames: [UnsafePointer<CChar>?]

    init(_ api: OnnxApi, _ options: OpaquePointer, model: Data, _ contract: GraphContract) throws {
        self.api = api
        self.contract = contract
        let refusal = "\(api.runtime) refuses the graph \(contract.graph)"
        (session, times) = try LoadTimes.measured {
            try model.withUnsafeBytes { bytes in
                try api.made(refusal) {
                    $0.CreateSessionFromArray(api.environment, bytes.baseAddress, bytes.count, options, &$1)
                }
            }
        }
        memory = try api.made { $0.CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &$1) }
        inputNames = contract.inputs.map { UnsafePointer(strdup($0.name)) }
        outputNames = contract.outputs.map { UnsafePointer(strdup($0.name)) }
        try checkNames(
            contract,
            inputs: api.names(of: session, { $0.SessionGetInputCount($1, &$2) }) {
                $0.SessionGetInputName($1, $2, $3, &$4)
            },
            outputs: api.names(of: session, { $0.SessionGetOutputCount($1, &$2) }) {
                $0.SessionGetOutputName($1, $2, $3, &$4)
            })
    }

    deinit {
        for name in inputNames + outputNames { free(UnsafeMutableRawPointer(mutating: name)) }
        api.functions.ReleaseMemoryInfo(memory)
        api.functions.ReleaseSession(session)
    }

    func reported() -> [String]? { ["CPUExecutionProvider"] }

    func run(_ inputs: Tensors) throws -> Tensors {
        let failure = "\(api.runtime) fails to run the graph \(contract.graph)"
        let given = try contract.inputs.map { spec in
            guard let tensor = inputs[spec.name], tensor.shape == spec.shape, tensor.data.count == spec.count else {
                throw Problem(
                    "graph \(contract.graph) got \(spec.name) as \(inputs[spec.name]?.shape ?? []); expected "
                        + "\(spec.shape): export the bundle again")
            }
            return tensor
        }
        var results = [OpaquePointer?](repeating: nil, count: contract.outputs.count)
        defer { for case let result? in results { api.functions.ReleaseValue(result) } }
        try values(of: given[...], []) { values in
            try api.call(failure) {
                $0.Run(
                    session, nil, inputNames, values, values.count, outputNames, outputNames.count, &results)
            }
        }
        var found: Tensors = [:]
        for (spec, result) in zip(contract.outputs, results) { found[spec.name] = try tensor(result, spec) }
        return found
    }

    /// Calls with values that lie where the tensors' numbers are: nothing is copied, so they live no longer than the call.
    private func values(
        of tensors: ArraySlice<Tensor>, _ before: [OpaquePointer?], _ use: ([OpaquePointer?]) throws -> Void
    ) throws {
        guard let tensor = tensors.first else { return try use(before) }
        let shape = tensor.shape.map(Int64.init)
        try tensor.data.withUnsafeBytes { bytes in
            let value = try api.made {
                $0.CreateTensorWithDataAsOrtValue(
                    memory, UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, shape, shape.count,
                    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &$1)
            }
            defer { api.functions.ReleaseValue(value) }
            try values(of: tensors.dropFirst(), before + [value], use)
        }
    }

    private func tensor(_ value: OpaquePointer?, _ spec: TensorSpec) throws -> Tensor {
        let info = try api.made { $0.GetTensorTypeAndShape(value, &$1) }
        defer { api.functions.ReleaseTensorTypeAndShapeInfo(info) }
        var type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED
        var (rank, count) = (0, 0)
        try api.call { $0.GetTensorElementType(info, &type) }
        try api.call { $0.GetDimensionsCount(info, &rank) }
        try api.call { $0.GetTensorShapeElementCount(info, &count) }
        var shape = [Int64](repeating: 0, count: rank)
        try api.call { $0.GetDimensions(info, &shape, rank) }
        guard type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT else {
            throw Problem("\(spec.name) of \(contract.graph) is no float32; export the bundle again")
        }
        var start: UnsafeMutableRawPointer?
        try api.call { $0.GetTensorMutableData(value, &start) }
        let numbers = UnsafeBufferPointer(start: start?.assumingMemoryBound(to: Float.self), count: count)
        return Tensor(data: Array(numbers), shape: shape.map { Int($0) })
    }
}
