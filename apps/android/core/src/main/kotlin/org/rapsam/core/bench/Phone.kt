package org.rapsam.core.bench

/**
 * What only a program on the phone can tell, before the run; null is what it cannot.
 *
 * @property ramMb Memory, MiB.
 * @property lowPower Whether it saves power.
 */
class PhoneFacts(
    val cores: Int?,
    val ramMb: Int?,
    val lowPower: Boolean?,
    val battery: Battery?,
)

/** @property charging Null where it is not known. */
class Battery(val percent: Double, val charging: Boolean?)

/** @property metric What was read, as in "VmHWM"; MiB. */
class MemoryUse(val baselineMb: Int?, val peakMb: Int, val metric: String)

/** What is asked of the phone while it is measured. */
interface Phone {
    /** Before the run. */
    fun facts(): PhoneFacts

    /** Now; null where it is not known. */
    fun battery(): Battery?

    /** What the system calls its heat, as in "none"; null where it does not say. */
    fun thermalState(): String?

    /** Memory of this process now, MiB; null where it is not known. */
    fun memoryMb(): Int?

    /** Largest memory of this process so far, MiB, and what was read; null where it is not known. */
    fun peakMemory(): Pair<Int, String>?
}
