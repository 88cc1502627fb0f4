/// What only a program on the phone can tell, before the run; nil is what it cannot.
public struct PhoneFacts: Sendable {
    public let cores: Int?
    /// Memory, MiB.
    public let ramMb: Int?
    /// Whether it saves power.
    public let lowPower: Bool?
    public let battery: Battery?

    public init(cores: Int?, ramMb: Int?, lowPower: Bool?, battery: Battery?) {
        self.cores = cores
        self.ramMb = ramMb
        self.lowPower = lowPower
        self.battery = battery
    }
}

/// A reading of the battery.
public struct Battery: Sendable {
    /// 0..100.
    public let percent: Double
    /// Nil where it is not known.
    public let charging: Bool?

    public init(percent: Double, charging: Bool?) {
        self.percent = percent
        self.charging = charging
    }
}

/// What is asked of the phone while it is measured.
public protocol Phone: Sendable {
    /// Before the run.
    func facts() -> PhoneFacts

    /// Now; nil where it is not known.
    func battery() -> Battery?

    /// What the system calls its heat, as in "nominal"; nil where it does not say.
    func thermalState() -> String?

    /// Memory of this process now, MiB; nil where it is not known.
    func memoryMb() -> Int?

    /// What `memoryMb` reads, as in "phys_footprint".
    var memoryMetric: String { get }
}

/// Memory before the graphs were loaded, and the most of all readings, MiB.
struct MemoryUse {
    let baselineMb: Int?
    let peakMb: Int
    let metric: String
}
