"""What a device says of itself: never trusted, and unknown where it says nothing that makes sense."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from rapsam.benchmarks.latency.facts import DeviceFacts
from rapsam.benchmarks.latency.record import Charge, Temperature
from rapsam.benchmarks.runners.android.device import AdbDevice
from rapsam.errors import printable, shortened

THERMAL_STATUS = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""Android's names, by its numbers."""
_MAX_TEXT = 200
_MAX_BYTES = 1 << 18
_MAX_SENSORS = 64
_PROPERTY = re.compile(r"\[([\w.-]{1,100})\]: \[(.{0,1000})\]")
_SENSOR = re.compile(r"Temperature\{mValue=(-?[0-9.]{1,12}), mType=-?\d{1,3}, mName=([^,}]{1,80}),")
_CHARGING = {"2": True, "3": False, "4": False, "5": True}
"""BatteryManager's numbers: charging, discharging, not charging, full."""
_SCREEN = re.compile(r"mWakefulness=(Awake|Asleep|Dozing|Dreaming)")
_MARK = "rapsam-next"
WAKEFULNESS = "dumpsys power | grep -m 1 mWakefulness="
"""Of all that it says about power, which may be much, the line that tells of the screen."""
_ASLEEP = ("Asleep", "Dozing")


class Reading(NamedTuple):
    """What changes while a device works.

    Attributes:
        temperatures: Of all thermometers, the battery's among them.
        charges: Of the battery.
        thermal: Android's thermal status, one of `THERMAL_STATUS`; None where it does not say.
    """

    temperatures: tuple[Temperature, ...]
    charges: tuple[Charge, ...]
    thermal: str | None


class AndroidFacts(NamedTuple):
    """A device before anything runs on it.

    Attributes:
        device: For the record.
        abis: The binary interfaces of programs that it runs, preferred first.
        screen: "Awake", "Asleep", "Dozing" or "Dreaming"; None where it does not say.
        is_emulator: Whether it is Android's emulator, whose times are those of a computer.
    """

    device: DeviceFacts
    abis: tuple[str, ...]
    screen: str | None
    is_emulator: bool

    @property
    def screen_note(self) -> str:
        """What is to be told of the screen, which decides how processes are scheduled."""
        if self.screen is None:
            return "the device does not say whether its screen was on"
        return f"the screen was {'off' if self.screen in _ASLEEP else 'on'} ({self.screen})"


def unknown_device(serial: str | None) -> DeviceFacts:
    """Describes a device that was gone before it could be asked.

    Args:
        serial: Of the one that was meant; None if none was named.
    """
    unknown: dict[str, Any] = dict.fromkeys(DeviceFacts.__struct_fields__)
    return DeviceFacts(**unknown | {"platform": "android", "id": _text(serial)})


def read_facts(device: AdbDevice) -> AndroidFacts:
    """Asks a device what it is.

    Raises:
        UnavailableError: If it is lost for good, or says far too much.
    """
    properties = dict(_PROPERTY.findall(device.said("getprop", _MAX_BYTES)))
    parts = said_parts(device, "cat /proc/meminfo", "cat /proc/cpuinfo", "cat /proc/loadavg", WAKEFULNESS)
    memory, processors, load, power = parts
    saving = device.said("settings get global low_power", _MAX_BYTES).strip()
    reading = read_sensors(device, 0.0)
    charge = next(iter(reading.charges), None)
    brand, model = _text(properties.get("ro.product.brand")), _text(properties.get("ro.product.model"))
    facts = DeviceFacts(
        platform="android",
        id=_text(device.serial),
        model=model
        if not brand or not model or model.lower().startswith(brand.lower())
        else f"{brand} {model}",
        marketing_name=_text(properties.get("ro.product.marketname")),
        soc=_processor(properties, processors),
        cores=sum(line.startswith("processor") for line in processors.splitlines()) or None,
        ram_mb=_total_mb(memory),
        os="Android",
        os_version=_text(properties.get("ro.build.version.release")),
        os_build=_text(properties.get("ro.build.id")),
        api_level=_count(properties.get("ro.build.version.sdk")),
        low_power={"1": True, "0": False}.get(saving),
        battery_pct=None if charge is None else charge.percent,
        charging=None if charge is None else charge.charging,
        load_average=_number(load.split(" ")[0], 1e6),
    )
    abis = (_text(abi) for abi in properties.get("ro.product.cpu.abilist", "").split(","))
    return AndroidFacts(
        device=facts,
        abis=tuple(abi for abi in abis if abi),
        screen=read_wakefulness(power),
        is_emulator="1" in (properties.get("ro.kernel.qemu"), properties.get("ro.boot.qemu")),
    )


def said_parts(device: AdbDevice, *commands: str) -> list[str]:
    """Returns what each of several commands says: one round trip for all of them.

    Args:
        device: Where.
        commands: Nothing in them may come from outside.

    Raises:
        UnavailableError: If it is lost for good, or says far too much.
    """
    script = f"; echo; echo {_MARK}; ".join(f"{command} 2>/dev/null" for command in commands)
    parts = device.said(script, _MAX_BYTES).split(f"\n{_MARK}\n")
    return (parts + [""] * len(commands))[: len(commands)]


def read_wakefulness(power: str) -> str | None:
    """Finds in what `WAKEFULNESS` says whether the screen is on; None where it does not say."""
    found = _SCREEN.search(power)
    return found[1] if found else None


def read_sensors(device: AdbDevice, t_s: float) -> Reading:
    """Asks a device for its heat and its battery.

    Args:
        device: The device.
        t_s: Time of the reading.
    """
    battery, thermal = said_parts(device, "dumpsys battery", "dumpsys thermalservice")
    values = {
        name.strip(): value.strip()
        for name, _, value in (line.partition(":") for line in battery.splitlines())
    }
    found = []
    tenths = _number(values.get("temperature"), 3000.0, least=-1000.0)
    if tenths is not None:
        found.append(Temperature(t_s=t_s, sensor="battery", celsius=tenths / 10))
    # A phone keeps old readings beside those of now, under the same names.
    for value, name in _latest(thermal):
        celsius = _number(value, 300.0, least=-100.0)
        if celsius is not None and len(found) < _MAX_SENSORS:
            found.append(Temperature(t_s=t_s, sensor=_text(name) or "unnamed", celsius=celsius))
    return Reading(tuple(found), _charge(values, t_s), _status(thermal))


def _latest(thermal: str) -> list[tuple[str, str]]:
    """Returns the last value of every thermometer, with its name."""
    return [
        (value, name) for name, value in {name: value for value, name in _SENSOR.findall(thermal)}.items()
    ]


def _charge(values: dict[str, str], t_s: float) -> tuple[Charge, ...]:
    level, scale = _number(values.get("level"), 1e6), _number(values.get("scale"), 1e6)
    if level is None or not scale or level > scale:
        return ()
    charging = _CHARGING.get(values.get("status", ""))
    return (Charge(t_s=t_s, percent=round(100 * level / scale, 1), charging=charging),)


def _status(thermal: str) -> str | None:
    match = re.search(r"Thermal Status: (\d)\b", thermal)
    number = int(match[1]) if match else len(THERMAL_STATUS)
    return THERMAL_STATUS[number] if number < len(THERMAL_STATUS) else None


def _processor(properties: dict[str, str], processors: str) -> str | None:
    maker, model = _text(properties.get("ro.soc.manufacturer")), _text(properties.get("ro.soc.model"))
    if model:
        return f"{maker} {model}" if maker else model
    found = re.search(r"^(?:Hardware|model name)\s*: (.{1,200})$", processors, re.MULTILINE)
    return _text(found[1]) if found else None


def _total_mb(memory: str) -> int | None:
    match = re.search(r"^MemTotal:\s+(\d{1,15}) kB$", memory, re.MULTILINE)
    return int(match[1]) // 1024 if match else None


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch("[0-9]{1,9}", text) else None


def _number(text: str | None, most: float, least: float = 0.0) -> float | None:
    """Reads a number within bounds; None for anything else, "nan" as well."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if least <= value <= most else None


def _text(text: str | None) -> str | None:
    return shortened(printable(text.strip()), _MAX_TEXT) or None if text else None
