"""The record of a run on this machine: what machine and installed packages are, and what came of it."""

from __future__ import annotations

import os
import platform
import sys
from typing import NamedTuple

from rapsam.benchmarks.latency.facts import AppFacts, Conditions, DeviceFacts, RuntimeFacts, Timing
from rapsam.benchmarks.latency.job import NOTHING, Job, Measured
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.latency.sensors import charges
from rapsam.benchmarks.latency.subject import named_runtime
from rapsam.benchmarks.measuring.records import now_utc
from rapsam.benchmarks.runners.base import Variant
from rapsam.benchmarks.runners.record_parts import RunFacts, app_facts, conditions_of, record_of
from rapsam.export.backends.packages import installed_versions
from rapsam.machine import this_machine

_PACKAGES = ("numpy",)


class LocalFacts(NamedTuple):
    """What all records of one command share; see `LatencyRecord`."""

    created_utc: str
    device: DeviceFacts
    app: AppFacts
    conditions: Conditions


def local_facts(timing: Timing, command: str, variants: int) -> LocalFacts:
    """Describes this machine before anything runs on it.

    Args:
        timing: The protocol.
        command: What measures.
        variants: How many take turns.
    """
    machine, battery = this_machine(), next(iter(charges(0.0)), None)
    device = DeviceFacts(
        platform=sys.platform,
        id=None,
        model=None,
        marketing_name=None,
        soc=machine.cpu,
        cores=machine.cores,
        ram_mb=machine.ram_mb,
        os=machine.system,
        os_version=platform.release() or None,
        os_build=None,
        api_level=None,
        low_power=None,
        battery_pct=None if battery is None else battery.percent,
        charging=None if battery is None else battery.charging,
        load_average=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    )
    return LocalFacts(now_utc(), device, app_facts(), conditions_of(timing, command, variants))


def local_record(facts: LocalFacts, variant: Variant, job: Job, found: Measured | str) -> LatencyRecord:
    """Puts together the record of a variant.

    Args:
        facts: Of the machine.
        variant: What was run.
        job: What its process was asked.
        found: What the process found out, or why it did not.
    """
    runtime = named_runtime(variant.path, variant.runtime)
    own = runtime.versions()
    run = RunFacts(
        runner="local",
        provenance=runtime.provenance,
        created_utc=facts.created_utc,
        device=facts.device,
        app=facts.app,
        runtime=RuntimeFacts(
            name=runtime.name,
            version=next(iter(own.values()), None),
            versions={**installed_versions(_PACKAGES), **own},
            binary_sha256=None,
        ),
        path=variant.path,
        requested=runtime.name,
        threads=variant.threads,
        cpus=job.cpus,
        conditions=facts.conditions,
    )
    return record_of(run, NOTHING, found) if isinstance(found, str) else record_of(run, found, None)
