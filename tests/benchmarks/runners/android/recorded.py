"""What devices say, shortened: the words and the numbers are those of Android 14."""

from __future__ import annotations

PROPERTIES = """\
[dalvik.vm.heapsize]: [512m]
[ro.build.id]: [UQ1A.240205.002]
[ro.build.version.release]: [14]
[ro.build.version.sdk]: [34]
[ro.product.brand]: [google]
[ro.product.cpu.abilist]: [arm64-v8a,armeabi-v7a,armeabi]
[ro.product.model]: [Pixel 8]
[ro.soc.manufacturer]: [Google]
[ro.soc.model]: [Tensor G3]
"""
BATTERY = """\
Current Battery Service state:
  AC powered: false
  USB powered: true
  Max charging current: 500000
  status: 2
  health: 2
  present: true
  level: 81
  scale: 100
  voltage: 4213
  temperature: 263
  technology: Li-ion
"""
THERMAL = """\
IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 3
Thermal Status: 0
Cached temperatures:
\tTemperature{mValue=30.0, mType=3, mName=VIRTUAL-SKIN, mStatus=0}
HAL Ready: true
Current temperatures from HAL:
\tTemperature{mValue=41.5, mType=0, mName=BIG, mStatus=0}
\tTemperature{mValue=31.25, mType=3, mName=VIRTUAL-SKIN, mStatus=0}
Current cooling devices from HAL:
\tCoolingDevice{mValue=0, mType=2, mName=thermal-cpufreq-0}
"""
POWER = """\
Power Manager State:
  mWakefulness=Awake
  mWakefulnessChanging=false
"""
MEMORY = "MemTotal:        7812940 kB\nMemFree:          301232 kB\n"
PROCESSORS = "".join(f"processor\t: {number}\nBogoMIPS\t: 49.15\n\n" for number in range(9))
