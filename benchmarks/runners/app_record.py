"""The record of a run in an app, as far as it is the same on all phones."""

from __future__ import annotations

import msgspec

from rapsam.benchmarks.latency.facts import Conditions, DeviceFacts, RuntimeFacts
from rapsam.benchmarks.latency.record import Provenance
from rapsam.benchmarks.runners.app_contract import AppResult
from rapsam.benchmarks.runners.base import Variant
from rapsam.benchmarks.runners.record_parts import RunFacts, app_facts


def app_run_facts(
    runner: str,
    provenance: Provenance,
    created_utc: str,
    conditions: Conditions,
    device: DeviceFacts,
    variant: Variant,
    result: AppResult | None,
) -> RunFacts:
    """Describes a run in an app, whatever came of it.

    Args:
        runner: Its name.
        provenance: Of all figures.
        created_utc: When the command began.
        conditions: How it was timed.
        device: Where.
        variant: What was run.
        result: What the app left; None if nothing.
    """
    return RunFacts(
        runner=runner,
        provenance=provenance,
        created_utc=created_utc,
        device=device,
        # What measured is this toolkit, through the app.
        app=msgspec.structs.replace(app_facts(), build_type=None if result is None else result.build_type),
        runtime=RuntimeFacts(
            name=variant.runtime,
            version=None if result is None else result.runtime_version,
            versions={},
            binary_sha256=None,
        ),
        path=variant.path,
        requested=variant.runtime,
        threads=variant.threads,
        cpus=None,
        conditions=conditions,
    )
