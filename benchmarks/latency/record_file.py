"""Files of latency records, one JSON object per line; those that others wrote are not trusted.

    python -m rapsam.benchmarks.latency.record_file

writes the JSON Schema of a record anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from rapsam.benchmarks.latency.distribution import distribution, same_figures
from rapsam.benchmarks.latency.record import SCHEMA_VERSION, LatencyRecord
from rapsam.errors import JSON_ERRORS, BundleError, InputError, printable, shortened
from rapsam.files import write_atomic
from rapsam.json_schema import schema_text
from rapsam.untrusted import read_limited

SCHEMA_FILE = Path(__file__).with_name("latency_record.schema.json")
MAX_FILE_BYTES = 256 * 1024**2
MAX_RECORDS = 1000
_SHOWN = 300


class _Version(msgspec.Struct):
    schema_version: int


def write_latency_records(path: Path, records: Iterable[LatencyRecord]) -> None:
    """Writes records, each as a line of JSON, in full or not at all.

    Raises:
        InputError: If the file cannot be written.
    """
    write_atomic(path, b"".join(msgspec.json.encode(record) + b"\n" for record in records))


def read_latency_records(path: Path) -> tuple[LatencyRecord, ...]:
    """Reads records, from anywhere.

    Raises:
        InputError: If the file cannot be read, is too large, holds anything but records of this schema, or a
            record contradicts itself: statistics that are not those of its samples, times of an emulator.
    """
    try:
        data = read_limited(path, MAX_FILE_BYTES)
    except BundleError as error:  # which says what is wrong with the file
        raise InputError(str(error)) from error
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; expected records of 'rapsam bench'"
        ) from error
    lines = [line for line in data.split(b"\n") if line.strip()]
    if not 1 <= len(lines) <= MAX_RECORDS:
        raise InputError(f"{path} holds {len(lines):,} records; expected 1 to {MAX_RECORDS:,}: take another")
    return tuple(_decoded(line, f"{path}, line {number}") for number, line in enumerate(lines, start=1))


def _decoded(line: bytes, where: str) -> LatencyRecord:
    try:
        version = msgspec.json.decode(line, type=_Version).schema_version
        if version != SCHEMA_VERSION:
            shown = str(version)[:20]
            raise InputError(f"{where} has schema version {shown}; expected {SCHEMA_VERSION}: measure again")
        record = msgspec.json.decode(line, type=LatencyRecord)
    except JSON_ERRORS as error:
        why = shortened(printable(str(error)), _SHOWN)
        raise InputError(
            f"{where} is no latency record ({why}); expected a file that 'rapsam bench --out' "
            "wrote with this version: give that, or measure again"
        ) from error
    for problem in _contradictions(record):
        raise InputError(f"{where} contradicts itself: {problem}; measure again")
    return record


def _contradictions(record: LatencyRecord) -> Iterator[str]:
    if (record.status == "failed") != (record.error is not None):
        yield f"the status {record.status!r} and {'an' if record.error else 'no'} error"
    if record.fidelity is not None and record.fidelity.status == "failed" and record.status != "failed":
        yield "a self-test that failed in a run that did not"
    if record.provenance == "emulated" and (record.stages or record.sustained):
        yield "times of an emulator"
    for stage in record.stages:
        if not same_figures(stage.ms, distribution(stage.samples_ms)):
            yield f"the statistics of stage {stage.name!r} are not those of its samples"


if __name__ == "__main__":
    write_atomic(SCHEMA_FILE, schema_text(LatencyRecord))
