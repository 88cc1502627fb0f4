"""The record of a run in the app on an Android phone."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from rapsam.benchmarks.latency.facts import Conditions, DeviceFacts
from rapsam.benchmarks.latency.job import NOTHING, Measured
from rapsam.benchmarks.latency.record import LatencyRecord, Provenance
from rapsam.benchmarks.runners.android.emulator import without_times
from rapsam.benchmarks.runners.android.facts import AndroidFacts
from rapsam.benchmarks.runners.android.watching import SensorLog
from rapsam.benchmarks.runners.app_answers import Answered
from rapsam.benchmarks.runners.app_contract import AppPhone
from rapsam.benchmarks.runners.app_record import app_run_facts
from rapsam.benchmarks.runners.base import Variant
from rapsam.benchmarks.runners.record_parts import record_of, record_text

RUNNER = "adb-app"


class Outcome(NamedTuple):
    """What came of a variant.

    Attributes:
        answered: What the app answered; None if nothing.
        sensors: What was read of heat and battery while it ran; None if it never ended.
        notes: What a reader of the figures must know.
        failed: Why there is no answer; None if there is one.
    """

    answered: Answered | None
    sensors: SensorLog | None
    notes: tuple[str, ...]
    failed: str | None


def android_app_record(
    created_utc: str,
    conditions: Conditions,
    unknown: DeviceFacts,
    facts: AndroidFacts | None,
    variant: Variant,
    outcome: Outcome,
) -> LatencyRecord:
    """Puts together the record of a variant.

    Args:
        created_utc: When the command began.
        conditions: How it was timed.
        unknown: The device as far as it is known without being asked.
        facts: What it said of itself; None if it never did.
        variant: What was run.
        outcome: What came of it.
    """
    answered = outcome.answered
    result, measured = (None, NOTHING) if answered is None else answered
    device = unknown if facts is None else facts.device
    if result is not None:
        device = _completed(device, result.phone)
    is_emulator = facts is not None and facts.is_emulator
    if is_emulator:
        measured = without_times(measured)
    provenance: Provenance = "emulated" if is_emulator else "measured"
    run = app_run_facts(RUNNER, provenance, created_utc, conditions, device, variant, result)
    return record_of(run, _with_sensors(measured, outcome), outcome.failed)


def _with_sensors(measured: Measured, outcome: Outcome) -> Measured:
    """Adds what this computer saw of the phone while the app ran; the app itself knows its battery better."""
    sensors = outcome.sensors
    notes = dict.fromkeys((*measured.notes, *outcome.notes))
    return msgspec.structs.replace(
        measured,
        thermal=None if sensors is None else sensors.thermal or None,
        battery=measured.battery or (None if sensors is None else sensors.battery or None),
        notes=tuple(map(record_text, notes)),
    )


def _completed(device: DeviceFacts, phone: AppPhone) -> DeviceFacts:
    """Adds what only the app told; of what both tell, the system's word counts."""
    told = msgspec.structs.asdict(phone)
    missing = {name: value for name, value in told.items() if getattr(device, name) is None}
    return msgspec.structs.replace(device, **missing)
