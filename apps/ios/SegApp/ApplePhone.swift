@preconcurrency import Darwin
import Foundation
import SegCore
import UIKit

/// What this phone tells of itself.
struct ApplePhone: Phone {
    let memoryMetric = "phys_footprint"

    /// What the system calls its heat.
    static var heat: String {
        switch ProcessInfo.processInfo.thermalState {
        case .nominal: "nominal"
        case .fair: "fair"
        case .serious: "serious"
        case .critical: "critical"
        @unknown default: "unknown"
        }
    }

    func facts() -> PhoneFacts {
        let process = ProcessInfo.processInfo
        return PhoneFacts(
            cores: process.processorCount, ramMb: Int(process.physicalMemory >> 20),
            lowPower: process.isLowPowerModeEnabled,
            battery: battery())
    }

    func battery() -> Battery? {
        // The device is the main thread's; measurements are made on another one.
        DispatchQueue.main.sync {
            MainActor.assumeIsolated {
                let device = UIDevice.current
                device.isBatteryMonitoringEnabled = true
                guard device.batteryState != .unknown, device.batteryLevel >= 0 else { return nil }
                return Battery(
                    percent: 100 * Double(device.batteryLevel), charging: device.batteryState != .unplugged)
            }
        }
    }

    func thermalState() -> String? { Self.heat }

    func memoryMb() -> Int? {
        var info = task_vm_info_data_t()
        let size = MemoryLayout<task_vm_info_data_t>.size / MemoryLayout<natural_t>.size
        var count = mach_msg_type_number_t(size)
        let code = withUnsafeMutablePointer(to: &info) { pointer in
            pointer.withMemoryRebound(to: integer_t.self, capacity: size) {
                task_info(mach_task_self_, task_flavor_t(TASK_VM_INFO), $0, &count)
            }
        }
        return code == KERN_SUCCESS ? Int(info.phys_footprint >> 20) : nil
    }
}
