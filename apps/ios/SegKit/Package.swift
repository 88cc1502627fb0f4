// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "SegKit",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [
        .library(name: "SegCore", targets: ["SegCore"]),
        .library(name: "SegOnnx", targets: ["SegOnnx"]),
        .library(name: "SegCoreML", targets: ["SegCoreML"]),
    ],
    targets: [
        .target(name: "SegCore"),
        .systemLibrary(name: "COnnxRuntime"),
        .target(name: "SegOnnx", dependencies: ["SegCore", "COnnxRuntime"]),
        .target(name: "SegCoreML", dependencies: ["SegCore"]),
        .executableTarget(name: "SegPath", dependencies: ["SegCore", "SegOnnx"]),
        .testTarget(name: "SegCoreTests", dependencies: ["SegCore"]),
    ]
)
