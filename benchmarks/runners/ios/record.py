"""The record of a run on an iPhone."""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple

import msgspec

from rapsam.benchmarks.latency.facts import (
    AppFacts,
    ComputeFacts,
    Conditions,
    DeviceFacts,
    RuntimeFacts,
)
from rapsam.benchmarks.latency.fidelity import fidelity_error
from rapsam.benchmarks.latency.job import NOTHING, Measured
from rapsam.benchmarks.latency.record import SCHEMA_VERSION, LatencyRecord
from rapsam.benchmarks.runners.app_contract import AppResult
from rapsam.benchmarks.runners.base import Variant
from rapsam.benchmarks.runners.ios.devices import Phone
from rapsam.benchmarks.runners.record_parts import (
    app_facts,
    model_facts,
    record_text,
    reported_units_of,
    validity_of,
)

RUNNER = "ios"


class Answered(NamedTuple):
    """What an app answered, and what it comes to."""

    result: AppResult
    measured: Measured


def phone_record(
    created_utc: str,
    conditions: Conditions,
    phone: Phone | None,
    variant: Variant,
    found: Answered | str,
) -> LatencyRecord:
    """Puts together the record of a variant.

    Args:
        created_utc: When the command began.
        conditions: How it was timed.
        phone: Where; None if it was gone before it could be asked.
        variant: What was run.
        found: What came of it, or why nothing did.
    """
    result = None if isinstance(found, str) else found.result
    measured = NOTHING if isinstance(found, str) else found.measured
    wrong = None if measured.fidelity is None else fidelity_error(measured.fidelity)
    error = record_text(found) if isinstance(found, str) else wrong
    return LatencyRecord(
        schema_version=SCHEMA_VERSION,
        run_id=uuid.uuid4().hex,
        created_utc=created_utc,
        status="done" if error is None else "failed",
        error=error,
        runner=RUNNER,
        provenance="measured",
        device=_device(phone, result),
        app=_app(result),
        runtime=RuntimeFacts(
            name=variant.runtime,
            version=None if result is None else result.runtime_version,
            versions={},
            binary_sha256=None,
        ),
        model=model_facts(variant.path, measured.input_shape),
        compute=ComputeFacts(
            requested=variant.runtime,
            reported=reported_units_of(measured),
            threads=variant.threads,
            cpus=None,
        ),
        conditions=msgspec.structs.replace(conditions, input=measured.input),
        graphs=measured.graphs,
        stages=measured.stages,
        sustained=measured.sustained,
        memory=measured.memory,
        thermal=measured.thermal,
        battery=measured.battery,
        validity=validity_of(measured),
        fidelity=measured.fidelity,
        notes=measured.notes,
    )


def _app(result: AppResult | None) -> AppFacts:
    """Describes what measured: this toolkit, through the app."""
    return msgspec.structs.replace(app_facts(), build_type=None if result is None else result.build_type)


def _device(phone: Phone | None, result: AppResult | None) -> DeviceFacts:
    unknown: dict[str, Any] = dict.fromkeys(DeviceFacts.__struct_fields__)
    unknown["platform"] = "ios"
    if phone is not None:
        unknown |= {
            "id": phone.udid,
            "model": phone.product_type,
            "marketing_name": phone.marketing_name,
            "os": "iOS",
            "os_version": phone.os_version,
            "os_build": phone.os_build,
        }
    if result is not None:
        unknown |= msgspec.structs.asdict(result.phone)
    return DeviceFacts(**unknown)
