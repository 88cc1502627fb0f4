// What the app uses of the kernel's interface.
import Foundation

public typealias natural_t = UInt32
public typealias integer_t = Int32
public typealias kern_return_t = Int32
public typealias mach_msg_type_number_t = UInt32
public typealias task_flavor_t = UInt32
public typealias task_name_t = UInt32
public typealias task_info_t = UnsafeMutablePointer<integer_t>

public let KERN_SUCCESS: kern_return_t = 0
public let TASK_VM_INFO: Int32 = 22
public var mach_task_self_: task_name_t = 0

public struct task_vm_info_data_t {
    public var phys_footprint: UInt64 = 0
    public init() {}
}

public func task_info(
    _ target: task_name_t, _ flavor: task_flavor_t, _ target_info: task_info_t,
    _ count: UnsafeMutablePointer<mach_msg_type_number_t>
) -> kern_return_t {
    let pages = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1]
    UnsafeMutableRawPointer(target_info).storeBytes(of: 4096 * (pages.flatMap { UInt64($0) } ?? 0), as: UInt64.self)
    return KERN_SUCCESS
}
