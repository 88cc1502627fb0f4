// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "SegKit",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [
        .library(name: "SegCore", targets: ["SegCore"])
    ],
    targets: [
        .target(name: "SegCore"),
        .testTarget(name: "SegCoreTests", dependencies: ["SegCore"]),
    ]
)
