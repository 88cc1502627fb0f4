// swift-tools-version: 6.0
import Foundation
import PackageDescription

// ONNX Runtime: on Linux its library; for a phone its framework, once that lies here.
let framework = "Frameworks/onnxruntime.xcframework"
#if os(Linux)
    let runsOnnx = true
    let binary: [Target] = []
#else
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let runsOnnx = FileManager.default.fileExists(atPath: folder.appendingPathComponent(framework).path)
    let binary: [Target] = runsOnnx ? [.binaryTarget(name: "onnxruntime", path: framework)] : []
#endif

let onnx: [Target] = [
    .target(
        name: "COnnxRuntime", dependencies: binary.map { .byName(name: $0.name) },
        linkerSettings: [
            .linkedLibrary("onnxruntime", .when(platforms: [.linux])),
            // The framework is a static library of C++.
            .linkedLibrary("c++", .when(platforms: [.iOS, .macOS])),
            .linkedFramework("CoreML", .when(platforms: [.iOS, .macOS])),
        ]),
    .target(name: "SegOnnx", dependencies: ["SegCore", "COnnxRuntime"]),
    .executableTarget(name: "SegPath", dependencies: ["SegCore", "SegOnnx"]),
]

let package = Package(
    name: "SegKit",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [
        .library(name: "SegCore", targets: ["SegCore"]),
        .library(name: "SegEngines", targets: runsOnnx ? ["SegCoreML", "SegOnnx"] : ["SegCoreML"]),
    ],
    targets: [
        .target(name: "SegCore"),
        .target(name: "SegCoreML", dependencies: ["SegCore"]),
        .testTarget(name: "SegCoreTests", dependencies: ["SegCore"]),
    ] + (runsOnnx ? onnx : []) + binary
)
