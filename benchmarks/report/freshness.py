"""Whether a figure is of the runtime that is installed: a new version may be faster, slower or wrong."""

from __future__ import annotations

from functools import lru_cache

from rapsam.benchmarks.latency.names import runtime_name
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.export.backends.catalogue import RUNTIMES


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
    unknown = ", version unknown" if version is None and record.provenance == "measured" else ""
    return f"{record.provenance} with {runtime_name(record)}{unknown}"


@lru_cache(maxsize=1)
def _installed() -> dict[str, str]:
    runtimes = [runtime for of_format in RUNTIMES.values() for runtime in of_format]
    return {package: version for runtime in runtimes for package, version in runtime.versions().items()}
