"""Whether a figure is of the runtime that is installed: a new version may be faster, slower or wrong."""

from __future__ import annotations

from functools import lru_cache

from rapsam.benchmarks.latency.names import runtime_name
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.export.backends.catalogue import RUNTIMES
from rapsam.export.backends.packages import installed_versions


def outdated(record: LatencyRecord) -> str | None:
    """Says with what a record was made, where that is not what is installed here now.

    Returns:
        As "measured with ONNX Runtime 1.31.0"; None if that version is installed.
    """
    version = record.runtime.version
    installed = _installed()
    told = record.runtime.versions.items()
    # Names of packages come from the record: only those that a runtime of ours comes in are asked for.
    if any(used == version == installed.get(package) for package, used in told):
        return None
    return f"{record.provenance} with {runtime_name(record)}"


@lru_cache(maxsize=1)
def _installed() -> dict[str, str]:
    packages = {name for runtimes in RUNTIMES.values() for runtime in runtimes for name in runtime.packages}
    return installed_versions(sorted(packages))
