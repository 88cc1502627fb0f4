// What the app uses of UIKit, and of what Foundation has on Apple's systems alone.
@_exported import CoreGraphics
@_exported import Foundation

public final class UIImage: @unchecked Sendable {
    public enum Orientation: Int, Sendable {
        case up, down, left, right, upMirrored, downMirrored, leftMirrored, rightMirrored
    }
    public init?(data: Data) { fatalError() }
    public init(cgImage: CGImage) { fatalError() }
    public var cgImage: CGImage? { fatalError() }
    public var imageOrientation: Orientation { fatalError() }
}

@MainActor
public final class UIApplication {
    public class var shared: UIApplication { fatalError() }
    public var isIdleTimerDisabled: Bool {
        get { fatalError() }
        set { fatalError() }
    }
    public nonisolated class var didReceiveMemoryWarningNotification: NSNotification.Name { fatalError() }
}

@MainActor
public final class UIDevice {
    public enum BatteryState: Int, Sendable { case unknown, unplugged, charging, full }
    public class var current: UIDevice { fatalError() }
    public var isBatteryMonitoringEnabled: Bool {
        get { fatalError() }
        set { fatalError() }
    }
    public var batteryState: BatteryState { fatalError() }
    public var batteryLevel: Float { fatalError() }
}

extension ProcessInfo {
    public enum ThermalState: Int, Sendable { case nominal, fair, serious, critical }
    public var thermalState: ThermalState { fatalError() }
    public var isLowPowerModeEnabled: Bool { fatalError() }
}
