"""The machine that this runs on, for whatever tells of measurements."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import msgspec


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that measured.

    Attributes:
        cpu: Model of the processor; None where the system does not say.
        cores: Processors that this process may use.
        ram_mb: Memory in MiB; None where the system does not say.
        system: Operating system and architecture.
        python: Version of Python.
    """

    cpu: str | None
    cores: int
    ram_mb: int | None
    system: str
    python: str


def this_machine() -> Machine:
    """Describes the machine that runs this."""
    return Machine(
        cpu=_first_value(Path("/proc/cpuinfo"), "model name"),
        cores=os.cpu_count() or 1,
        ram_mb=_ram_mb(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
    )


def _first_value(path: Path, key: str) -> str | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)


def _ram_mb() -> int | None:
    total = _first_value(Path("/proc/meminfo"), "MemTotal")
    return int(total.split()[0]) // 1024 if total else None
