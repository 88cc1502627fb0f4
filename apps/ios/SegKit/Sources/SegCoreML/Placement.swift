#if canImport(CoreML)
    import CoreML
    import Foundation

    /// Where Core ML means to compute the operations of a compiled model, the unit with most of them first, as in
    /// "Neural Engine (210 of 213 operations)"; nil where it does not say: before iOS 17.4, or of another kind of model.
    func placement(of compiled: URL, _ configuration: MLModelConfiguration) -> [String]? {
        guard #available(iOS 17.4, macOS 14.4, *) else { return nil }
        let units = configuration.computeUnits
        let answer = Answer()
        let isThere = DispatchSemaphore(value: 0)
        // Core ML answers asynchronously; whoever loads a graph waits on a thread of its own.
        Task.detached {
            let configuration = MLModelConfiguration()
            configuration.computeUnits = units
            let plan = try? await MLComputePlan.load(contentsOf: compiled, configuration: configuration)
            answer.lines = plan.flatMap(lines)
            isThere.signal()
        }
        isThere.wait()
        return answer.lines
    }

    /// Written before the semaphore is signalled, and read after it.
    private final class Answer: @unchecked Sendable {
        var lines: [String]?
    }

    @available(iOS 17.4, macOS 14.4, *)
    private func lines(_ plan: MLComputePlan) -> [String]? {
        guard case .program(let program) = plan.modelStructure else { return nil }
        var counts: [String: Int] = [:]
        var total = 0
        for function in program.functions.values {
            for operation in function.block.operations {
                guard let usage = plan.deviceUsage(for: operation) else { continue }
                counts[name(of: usage.preferred), default: 0] += 1
                total += 1
            }
        }
        let ordered = counts.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
        return ordered.isEmpty ? nil : ordered.map { "\($0.key) (\($0.value) of \(total) operations)" }
    }

    @available(iOS 17.4, macOS 14.4, *)
    private func name(of device: MLComputeDevice) -> String {
        switch device {
        case .cpu: "CPU"
        case .gpu: "GPU"
        case .neuralEngine: "Neural Engine"
        @unknown default: "another unit"
        }
    }
#endif
