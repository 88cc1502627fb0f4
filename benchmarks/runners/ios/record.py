"""The record of a run on an iPhone."""

from __future__ import annotations

from typing import Any

import msgspec

from rapsam.benchmarks.latency.facts import Conditions, DeviceFacts
from rapsam.benchmarks.latency.job import NOTHING
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.runners.app_answers import Answered
from rapsam.benchmarks.runners.app_contract import AppResult
from rapsam.benchmarks.runners.app_record import app_run_facts
from rapsam.benchmarks.runners.base import Variant
from rapsam.benchmarks.runners.ios.devices import Phone
from rapsam.benchmarks.runners.record_parts import record_of

RUNNER = "ios"


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
    run = app_run_facts(RUNNER, "measured", created_utc, conditions, _device(phone, result), variant, result)
    return record_of(run, NOTHING, found) if isinstance(found, str) else record_of(run, found.measured, None)


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
