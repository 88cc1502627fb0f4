"""Records of measurements, with the conditions under which they were taken."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from rapsam.errors import JSON_ERRORS, InputError
from rapsam.files import write_atomic

SCHEMA_VERSION = 2
RESULTS = Path(__file__).resolve().parent / "results"


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


class ExportRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle, exported and compared with the reference.

    Attributes:
        created_utc: When, ISO 8601.
        machine: Where.
        provenance: Whether the parity figures come from a real runtime.
        model: Variant.
        weights: Where the weights come from.
        recipe: Recipe.
        size: Image height and width.
        tool_versions: Packages that lowered the graphs.
        export_s: Seconds for lowering, golden files and parity, in a process of its own.
        peak_rss_mb: Largest resident memory of that process, MiB.
        graphs_mb: MB (10^6 bytes) per graph.
        runtimes: Runtimes that ran; without any the parity is unknown.
        not_run: Runtimes that did not, with reasons.
        status: Verdict of parity.
        min_cosine: Worst output tensor over runtimes and inputs; None if nothing ran.
        min_object_iou: Worst mean IoU of matched object masks.
        min_prompt_iou: Worst mean IoU of prompt masks.
        min_pq: Worst panoptic quality against the reference, 0..1.
        failures: What missed its gate.
        benign: What missed it where rounding alone decides; the worst figures leave these rows out.
    """

    created_utc: str
    machine: Machine
    provenance: Literal["measured", "emulated"]
    model: str
    weights: str
    recipe: str
    size: tuple[int, int]
    tool_versions: dict[str, str]
    export_s: float
    peak_rss_mb: int
    graphs_mb: dict[str, float]
    runtimes: tuple[str, ...]
    not_run: tuple[str, ...]
    status: str
    min_cosine: float | None
    min_object_iou: float | None
    min_prompt_iou: float | None
    min_pq: float | None
    failures: tuple[str, ...]
    benign: tuple[str, ...]


class Versioned(msgspec.Struct, frozen=True, kw_only=True):
    """Content of a file of records.

    Attributes:
        schema_version: Version of the format.
        command: What measured, as typed.
    """

    schema_version: int
    command: str


class ExportRecords(Versioned, frozen=True, kw_only=True):
    """Content of `results/export_matrix.json`."""

    records: tuple[ExportRecord, ...]


Records = TypeVar("Records", bound=Versioned)


def this_machine() -> Machine:
    """Describes the machine that runs this."""
    return Machine(
        cpu=_first_value(Path("/proc/cpuinfo"), "model name"),
        cores=os.cpu_count() or 1,
        ram_mb=_ram_mb(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
    )


def now_utc() -> str:
    """Gives the time to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def where_and_when(measured: Iterable[tuple[Machine, str]]) -> str:
    """Says on which machines and days something was measured, for captions.

    Args:
        measured: Machine and `created_utc` of each record, at least one.
    """
    pairs = list(measured)
    machines = sorted({f"{machine.cpu or 'unknown CPU'}, {machine.cores} cores" for machine, _ in pairs})
    days = sorted({created_utc[:10] for _, created_utc in pairs})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"{'; '.join(machines)}, {when}"


def write_records(path: Path, records: Versioned) -> None:
    """Writes records as readable JSON, in full or not at all."""
    write_atomic(path, msgspec.json.format(msgspec.json.encode(records), indent=2) + b"\n")


def read_records(path: Path, kind: type[Records]) -> Records:
    """Reads a file of records of one kind.

    Raises:
        InputError: If the file is missing, damaged or of another schema.
    """
    try:
        records = msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; run the measurement first") from error
    except JSON_ERRORS as error:
        raise InputError(f"{path} is no file of {kind.__name__} ({error}); measure again") from error
    if records.schema_version != SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema version {records.schema_version}; expected {SCHEMA_VERSION}: measure again"
        )
    return records


def _first_value(path: Path, key: str) -> str | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)


def _ram_mb() -> int | None:
    total = _first_value(Path("/proc/meminfo"), "MemTotal")
    return int(total.split()[0]) // 1024 if total else None
