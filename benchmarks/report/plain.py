"""Records as a table of Markdown, and as one of comma-separated values."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from rapsam.benchmarks.latency.names import device_name, runtime_name
from rapsam.benchmarks.latency.record import LatencyRecord, StageTimes
from rapsam.benchmarks.latency.verdict import headline
from rapsam.benchmarks.report.freshness import outdated
from rapsam.benchmarks.report.markdown import table
from rapsam.benchmarks.report.words import UNKNOWN, count, decibels, megabytes, milliseconds
from rapsam.errors import printable, shortened

_MARKDOWN = (
    *("model", "recipe", "device", "runtime", "threads", "judged by", "p50", "p90", "self-test"),
    *("worst output", "size", "peak MiB", "provenance", "command"),
)
_CSV = (
    *("run_id", "created_utc", "status", "error", "provenance", "outdated", "runner", "device", "soc"),
    *("model", "recipe", "precision", "size_bytes", "runtime", "runtime_version", "requested", "reported"),
    *("threads", "stage", "mode", "n", "p50_ms", "p90_ms", "p99_ms", "trimmed_mean_ms", "min_ms", "max_ms"),
    *("min_count_met", "min_duration_met", "fidelity", "worst_sqnr_db", "peak_mb", "command"),
)
_MAX_CELL = 120
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARKS = str.maketrans({"|": "\\|", "`": "'", "<": "&lt;", ">": "&gt;", "&": "&amp;", "[": "\\[", "*": "\\*"})


def markdown_of(records: Sequence[LatencyRecord]) -> str:
    """Writes a line for every run, and below what must be said of some."""
    lines = [table(_MARKDOWN, [tuple(map(_plain, _cells(record))) for record in records]), ""]
    lines += [
        f"- {_plain(record.model.file)}: failed: {_plain(record.error)}"
        for record in records
        if record.error is not None
    ]
    return "\n".join(lines).rstrip() + "\n"


def csv_of(records: Sequence[LatencyRecord]) -> str:
    """Writes a line for every stage of every run, one for a run without; what is not known is empty.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(_CSV)
    for record in records:
        for stage in record.stages or (None,):
            writer.writerow(map(_csv_cell, _values(record, stage)))
    return written.getvalue()


def _cells(record: LatencyRecord) -> Iterator[str]:
    stage = headline(record)
    found = record.fidelity
    yield record.model.file
    yield record.model.recipe or ("bare file" if record.model.kind == "file" else UNKNOWN)
    yield device_name(record.device)
    yield runtime_name(record)
    yield count(record.compute.threads)
    yield UNKNOWN if stage is None else stage.name
    yield milliseconds(None if stage is None else stage.ms.p50)
    yield milliseconds(None if stage is None else stage.ms.p90)
    yield "not compared" if found is None else found.status
    yield decibels(None if found is None else found.worst_sqnr_db)
    yield megabytes(record.model.size_bytes)
    yield count(None if record.memory is None else record.memory.peak_mb)
    yield outdated(record) or record.provenance
    yield record.conditions.command


def _plain(text: str) -> str:
    return shortened(printable(text), _MAX_CELL).translate(_MARKS)


def _values(record: LatencyRecord, stage: StageTimes | None) -> Iterator[object]:
    device, model, compute = record.device, record.model, record.compute
    yield from (record.run_id, record.created_utc, record.status, record.error, record.provenance)
    yield from (outdated(record), record.runner, device_name(device), device.soc)
    yield from (model.file, model.recipe, model.precision, model.size_bytes)
    yield from (record.runtime.name, record.runtime.version, compute.requested)
    yield None if compute.reported is None else " ".join(compute.reported)
    yield compute.threads
    if stage is None:
        yield from (None,) * 11
    else:
        ms = stage.ms
        yield from (stage.name, stage.mode, ms.n, ms.p50, ms.p90, ms.p99, ms.trimmed_mean, ms.min, ms.max)
        yield from (stage.min_count_met, stage.min_duration_met)
    found = record.fidelity
    yield from (None, None) if found is None else (found.status, found.worst_sqnr_db)
    yield None if record.memory is None else record.memory.peak_mb
    yield record.conditions.command


def _csv_cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
