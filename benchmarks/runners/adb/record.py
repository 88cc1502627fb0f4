"""The record of a run on a device: what it says of itself, and what the program found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from rapsam.benchmarks.latency.facts import AppFacts, Conditions, DeviceFacts, RuntimeFacts
from rapsam.benchmarks.latency.job import NOTHING, Measured
from rapsam.benchmarks.latency.record import Charge, LatencyRecord, Temperature
from rapsam.benchmarks.runners.android.emulator import without_times
from rapsam.benchmarks.runners.base import Variant
from rapsam.benchmarks.runners.record_parts import RunFacts, record_of, record_text

RUNNER = "adb"
SHELL_NOTE = (
    "measured in a process of adb's shell: Android schedules it otherwise than the activity that a user "
    "looks at, which may be faster or slower; --on adb-app measures in the sample app"
)


class AdbFacts(NamedTuple):
    """What all records of one command share; see `LatencyRecord`.

    Attributes:
        version: Of ONNX Runtime on the device; None where it never told.
        library_sha256: Digest of its library.
        notes: What a reader of the figures must know.
        is_emulator: Whether the device is Android's emulator.
    """

    created_utc: str
    device: DeviceFacts
    app: AppFacts
    conditions: Conditions
    version: str | None
    library_sha256: str | None
    thermal: tuple[Temperature, ...]
    battery: tuple[Charge, ...]
    notes: tuple[str, ...]
    is_emulator: bool


def adb_record(facts: AdbFacts, variant: Variant, found: Measured | str) -> LatencyRecord:
    """Puts together the record of a variant.

    Args:
        facts: Of the command.
        variant: What was run.
        found: What came of it, or why nothing did.
    """
    measured = NOTHING if isinstance(found, str) else found
    if facts.is_emulator:
        measured = without_times(measured)
    run = RunFacts(
        runner=RUNNER,
        provenance="emulated" if facts.is_emulator else "measured",
        created_utc=facts.created_utc,
        device=facts.device,
        app=facts.app,
        runtime=RuntimeFacts(
            name=variant.runtime,
            version=facts.version,
            versions={} if facts.version is None else {"onnxruntime": facts.version},
            binary_sha256=facts.library_sha256,
        ),
        path=variant.path,
        requested=variant.runtime,
        threads=variant.threads,
        cpus=None,
        conditions=facts.conditions,
    )
    measured = msgspec.structs.replace(
        measured,
        thermal=facts.thermal or None,
        battery=facts.battery or None,
        notes=tuple(map(record_text, _unique([SHELL_NOTE, *facts.notes, *measured.notes]))),
    )
    return record_of(run, measured, found if isinstance(found, str) else None)


def _unique(notes: Sequence[str]) -> Sequence[str]:
    return list(dict.fromkeys(notes))
