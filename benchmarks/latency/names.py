"""What people call a run, and where it took place; the same in tables, pages and comparisons."""

from __future__ import annotations

from rapsam.benchmarks.latency.facts import DeviceFacts
from rapsam.benchmarks.latency.record import LatencyRecord


def run_name(record: LatencyRecord) -> str:
    """Names what ran and by what, as in "onnx-fp32, ONNX Runtime, 1 thread", whatever the version."""
    return f"{record.model.file}, {record.runtime.name}{threads_of(record)}"


def threads_of(record: LatencyRecord) -> str:
    """Returns ", 2 threads"; nothing where the runtime chooses."""
    threads = record.compute.threads
    return "" if threads is None else f", {threads} thread{'s' * (threads != 1)}"


def device_name(device: DeviceFacts) -> str:
    """Names a device: as the shop or the maker calls it, else its processor, else its platform."""
    known = device.marketing_name or device.model or device.soc or device.platform
    return known if device.id is None else f"{known} ({device.id})"


def runtime_name(record: LatencyRecord) -> str:
    """Names the runtime with its version, if that is known, and once where the name has a part of it."""
    name, version = record.runtime.name, record.runtime.version
    if version is None:
        return name
    stem, _, last = name.rpartition(" ")
    return f"{stem if f'{version}.'.startswith(f'{last}.') else name} {version}"
