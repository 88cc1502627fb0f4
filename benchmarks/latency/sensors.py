"""What a Linux machine says of its heat, its battery and a process's memory; nothing where it does not."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rapsam.benchmarks.latency.record import Charge, Temperature

THERMAL = Path("/sys/class/thermal")
POWER = Path("/sys/class/power_supply")
STATUS = Path("/proc/self/status")
_CHARGING = {"Charging": True, "Full": True, "Discharging": False, "Not charging": False}
_SENSIBLE = range(-100, 301)


class MemoryUse(NamedTuple):
    """Resident memory of this process, MiB.

    Attributes:
        now_mb: At this moment.
        peak_mb: Largest since the process began.
    """

    now_mb: int
    peak_mb: int


def temperatures(t_s: float, root: Path = THERMAL) -> tuple[Temperature, ...]:
    """Reads all thermometers.

    Args:
        t_s: Time of the reading.
        root: Where the system shows them.
    """
    found = []
    for zone in sorted(root.glob("thermal_zone*")):
        kind, value = _text(zone / "type"), _number(zone / "temp")
        if value is not None and round(value / 1000) in _SENSIBLE:
            found.append(Temperature(t_s=t_s, sensor=(kind or zone.name)[:80], celsius=value / 1000))
    return tuple(found)


def charges(t_s: float, root: Path = POWER) -> tuple[Charge, ...]:
    """Reads all batteries; see `temperatures`."""
    found = []
    for supply in sorted(root.glob("*")):
        percent = _number(supply / "capacity")
        if _text(supply / "type") == "Battery" and percent is not None and 0 <= percent <= 100:
            charging = _CHARGING.get(_text(supply / "status") or "")
            found.append(Charge(t_s=t_s, percent=percent, charging=charging))
    return tuple(found)


def memory_use(status: Path = STATUS) -> MemoryUse | None:
    """Reads the memory of this process; None where the system does not say.

    Linux counts it for what runs now: what the process was before it began this program is not in it.
    """
    lines = (_text(status) or "").splitlines()
    values = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    try:
        return MemoryUse(*(int(values[name][0]) // 1024 for name in ("VmRSS", "VmHWM")))
    except (KeyError, IndexError, ValueError):
        return None


def _number(path: Path) -> float | None:
    try:
        return float(_text(path) or "")
    except ValueError:
        return None


def _text(path: Path) -> str | None:
    try:
        text = path.read_text(errors="replace").strip()
    except OSError:
        return None
    return text if path == STATUS or "\n" in text else "".join(char for char in text if char.isprintable())
