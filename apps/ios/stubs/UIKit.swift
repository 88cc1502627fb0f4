// What the app uses of UIKit, and of what Foundation has on Apple's systems alone.
@_exported import CoreGraphics
@_exported import Foundation

public final class UIImage: @unchecked Sendable {
    public enum Orientation: Int, Sendable {
        case up, down, left, right, upMirrored, downMirrored, leftMirrored, rightMirrored
    }
    public let cgImage: CGImage?
    public let imageOrientation = Orientation.up
    /// Of the one kind of files that `CGImage` reads here.
    public init?(data: Data) {
        guard let image = CGImage(bitmap: data) else { return nil }
        cgImage = image
    }
    public init(cgImage: CGImage) { self.cgImage = cgImage }
}

@MainActor
public final class UIApplication {
    public static let shared = UIApplication()
    public var isIdleTimerDisabled = false
    public nonisolated class var didReceiveMemoryWarningNotification: NSNotification.Name {
        NSNotification.Name("short memory")
    }
}

@MainActor
public final class UIDevice {
    public enum BatteryState: Int, Sendable { case unknown, unplugged, charging, full }
    public static let current = UIDevice()
    public var isBatteryMonitoringEnabled = false
    // As in Apple's simulators.
    public let batteryState = BatteryState.unknown
    public let batteryLevel: Float = -1
}

extension ProcessInfo {
    public enum ThermalState: Int, Sendable { case nominal, fair, serious, critical }
    public var thermalState: ThermalState { .nominal }
    public var isLowPowerModeEnabled: Bool { false }
}
