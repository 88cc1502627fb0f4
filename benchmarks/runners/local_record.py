"""The record of a run on this machine: what machine and installed packages are, and what came of it."""

from __future__ import annotations

import os
import platform
import sys
from typing import NamedTuple

import msgspec

from rapsam.benchmarks.latency.facts import (
    AppFacts,
    ComputeFacts,
    Conditions,
    DeviceFacts,
    RuntimeFacts,
    Timing,
)
from rapsam.benchmarks.latency.fidelity import fidelity_error
from rapsam.benchmarks.latency.job import NOTHING, Job, Measured
from rapsam.benchmarks.latency.record import SCHEMA_VERSION, LatencyRecord
from rapsam.benchmarks.latency.sensors import charges
from rapsam.benchmarks.latency.subject import named_runtime
from rapsam.benchmarks.measuring.records import now_utc
from rapsam.benchmarks.runners.base import Variant
from rapsam.benchmarks.runners.record_parts import (
    app_facts,
    conditions_of,
    model_facts,
    record_text,
    reported_units_of,
    validity_of,
)
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


def local_record(
    facts: LocalFacts, variant: Variant, job: Job, found: Measured | str, run_id: str
) -> LatencyRecord:
    """Puts together the record of a variant.

    Args:
        facts: Of the machine.
        variant: What was run.
        job: What its process was asked.
        found: What the process found out, or why it did not.
        run_id: Of the record.
    """
    runtime = named_runtime(variant.path, variant.runtime)
    measured = NOTHING if isinstance(found, str) else found
    wrong = None if measured.fidelity is None else fidelity_error(measured.fidelity)
    error = record_text(found) if isinstance(found, str) else wrong
    versions = installed_versions((*runtime.packages, *_PACKAGES))
    return LatencyRecord(
        schema_version=SCHEMA_VERSION,
        run_id=run_id,
        created_utc=facts.created_utc,
        status="done" if error is None else "failed",
        error=error,
        runner="local",
        provenance=runtime.provenance,
        device=facts.device,
        app=facts.app,
        runtime=RuntimeFacts(
            name=runtime.name,
            version=next((versions[package] for package in runtime.packages if package in versions), None),
            versions=versions,
            binary_sha256=None,
        ),
        model=model_facts(variant.path, measured.input_shape),
        compute=ComputeFacts(
            requested=runtime.name,
            reported=reported_units_of(measured),
            threads=variant.threads,
            cpus=job.cpus,
        ),
        conditions=msgspec.structs.replace(
            facts.conditions, input=measured.input, input_sha256=measured.input_sha256
        ),
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
