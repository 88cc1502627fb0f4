import Foundation
import SegCore
import SegCoreML
import os

#if canImport(SegOnnx)
    import SegOnnx

    /// What runs graphs here; to add an engine, add its factory.
    let engines: [any EngineFactory] = [CoreMLEngineFactory(), OnnxEngineFactory()]
#else
    /// What runs graphs here; with ONNX Runtime's framework in SegKit/Frameworks there is that too.
    let engines: [any EngineFactory] = [CoreMLEngineFactory()]
#endif

private let logger = Logger(subsystem: "org.rapsam.sample", category: "RapSAM")

/// Writes what went wrong to the log, and returns the line for the screen.
func told(_ error: any Error) -> String {
    let line = problem(of: error).message
    logger.error("\(line, privacy: .public)")
    return line
}

/// Where files go that a computer reads, and a bundle that it pushed: the app's documents.
func documents() throws -> URL {
    guard let found = FileManager.default.urls(for: .documentDirectory, in: .userDomainMask).first else {
        throw Problem("the app has no documents on this phone; install it again")
    }
    return found
}

/// The bundle: one that was pushed to the documents, else the one that came with the app.
func bundlePlace() throws -> URL {
    let pushed = try documents().appendingPathComponent("bundle")
    if FileManager.default.fileExists(atPath: pushed.path) { return pushed }
    guard let own = Bundle.main.resourceURL?.appendingPathComponent("bundle") else {
        throw Problem("the app holds no bundle; put one into its documents, as a folder named bundle")
    }
    return own
}
