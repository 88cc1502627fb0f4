"""The table of self-tests on imitated arm64 processors, beside the same bundles in the same runtimes here."""

from __future__ import annotations

from collections.abc import Sequence

from rapsam.benchmarks.latency.record import Fidelity, LatencyRecord
from rapsam.benchmarks.latency.record_file import read_latency_records
from rapsam.benchmarks.measuring.records import RESULTS
from rapsam.benchmarks.report.markdown import table

FILE = RESULTS / "arm64_fidelity.jsonl"
"""What `rapsam bench --on qemu-arm64` and `--on local` recorded of the same bundles."""
_HEADER = ("bundle", "runtime", "processor", "self-test", "worst", "mean", "here: worst", "here: mean")
_EQUAL = "no difference"


def known_self_tests() -> tuple[LatencyRecord, ...]:
    """Reads the records."""
    return read_latency_records(FILE)


def arm64_table(records: Sequence[LatencyRecord]) -> str:
    """Writes a row for each emulated run, and what they were.

    Args:
        records: Emulated ones, and measured ones of the same bundles by the same versions of the runtimes; a
            bundle that was not run here has no figures there.
    """
    emulated = [record for record in records if record.provenance == "emulated"]
    here = {_what(record): record.fidelity for record in records if record.provenance == "measured"}
    rows = [_row(record, here.get(_what(record))) for record in emulated]
    return "\n".join([table(_HEADER, rows), "", _caption(emulated, records)])


def _what(record: LatencyRecord) -> tuple[str, str, str | None]:
    return record.model.sha256, record.runtime.name, record.runtime.version


def _row(record: LatencyRecord, here: Fidelity | None) -> tuple[str, ...]:
    runtime = f"{record.runtime.name} {record.runtime.version or '?'}"
    processor = (record.device.soc or "?").partition(",")[0].replace("cortex-a", "Cortex-A")
    status = record.status if record.fidelity is None else record.fidelity.status
    return (record.model.file, runtime, processor, status, *_ratios(record.fidelity), *_ratios(here))


def _ratios(fidelity: Fidelity | None) -> tuple[str, str]:
    if fidelity is None:
        return "-", "-"
    return _decibels(fidelity.worst_sqnr_db), _decibels(fidelity.mean_sqnr_db)


def _decibels(ratio: float | None) -> str:
    return _EQUAL if ratio is None else f"{ratio:.1f} dB"


def _caption(emulated: Sequence[LatencyRecord], records: Sequence[LatencyRecord]) -> str:
    models = sorted({record.model.name or record.model.file for record in emulated})
    sizes = sorted({"x".join(map(str, (record.model.input_shape or ())[-2:])) for record in emulated})
    versions = sorted({record.runtime.versions.get("qemu", "?") for record in emulated})
    days = sorted({record.created_utc[:10] for record in records})
    cpus = sorted({record.device.soc or "?" for record in records if record not in emulated})
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    return (
        f"{', '.join(models)}, {', '.join(sizes)}, under qemu {', '.join(versions)}, {when}; "
        f"here: {', '.join(cpus)}. Signal-to-noise ratios of outputs to the float reference."
    )
