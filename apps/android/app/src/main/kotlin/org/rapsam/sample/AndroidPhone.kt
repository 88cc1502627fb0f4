package org.rapsam.sample

import android.app.ActivityManager
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.os.BatteryManager
import android.os.Build
import android.os.PowerManager
import java.io.File
import java.io.IOException
import org.rapsam.core.bench.Battery
import org.rapsam.core.bench.Phone
import org.rapsam.core.bench.PhoneFacts

private const val KB_PER_MB = 1024
private const val PEAK = "VmHWM"
private const val NOW = "VmRSS"

/** By Android's number of its thermal status. */
private val THERMAL = listOf("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")

/** The phone that runs this app. */
class AndroidPhone(private val context: Context) : Phone {
    private val power = context.getSystemService(PowerManager::class.java)

    override fun facts(): PhoneFacts {
        val memory = ActivityManager.MemoryInfo()
        context.getSystemService(ActivityManager::class.java).getMemoryInfo(memory)
        return PhoneFacts(
            cores = Runtime.getRuntime().availableProcessors(),
            ramMb = (memory.totalMem / KB_PER_MB / KB_PER_MB).toInt(),
            lowPower = power.isPowerSaveMode,
            battery = battery(),
        )
    }

    override fun battery(): Battery? {
        val told = context.registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED)) ?: return null
        val level = told.getIntExtra(BatteryManager.EXTRA_LEVEL, -1)
        val whole = told.getIntExtra(BatteryManager.EXTRA_SCALE, -1)
        if (level < 0 || whole <= 0 || level > whole) return null
        val plugged = told.getIntExtra(BatteryManager.EXTRA_PLUGGED, -1)
        return Battery(100.0 * level / whole, if (plugged < 0) null else plugged != 0)
    }

    override fun thermalState(): String? =
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.Q) null else THERMAL.getOrNull(power.currentThermalStatus)

    override fun memoryMb(): Int? = status(NOW)

    override fun peakMemory(): Pair<Int, String>? = status(PEAK)?.let { it to PEAK }

    /** What the kernel says of this process, MiB. */
    private fun status(field: String): Int? = try {
        File("/proc/self/status").useLines { lines ->
            val line = lines.find { it.startsWith("$field:") }
            line?.filter(Char::isDigit)?.toIntOrNull()?.let { it / KB_PER_MB }
        }
    } catch (error: IOException) {
        null
    }
}
