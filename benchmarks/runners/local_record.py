"""The record of a run on this machine: what machine and installed packages are, and what came of it."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec

import rapsam
from rapsam.benchmarks.latency.facts import (
    MAX_TEXT,
    AppFacts,
    ComputeFacts,
    Conditions,
    DeviceFacts,
    ModelFacts,
    RuntimeFacts,
    Timing,
)
from rapsam.benchmarks.latency.fidelity import fidelity_error
from rapsam.benchmarks.latency.job import NOTHING, Job, Measured
from rapsam.benchmarks.latency.record import SCHEMA_VERSION, LatencyRecord, StageTimes, Validity
from rapsam.benchmarks.latency.sensors import charges
from rapsam.benchmarks.latency.subject import named_runtime
from rapsam.benchmarks.measuring.records import now_utc
from rapsam.benchmarks.runners.base import Variant
from rapsam.errors import printable, shortened
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.backends.packages import installed_versions
from rapsam.export.build.source import source_sha256
from rapsam.export.bundle.manifest import MANIFEST_NAME
from rapsam.export.bundle.manifest_file import read_manifest
from rapsam.files import sha256_of, size_of
from rapsam.machine import this_machine

_ALONE = "alone"
_IN_TURNS = "in turns, every other round backwards"
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
    conditions = Conditions(
        timing=timing,
        command=_text(command),
        variants=variants,
        order=_ALONE if variants == 1 else _IN_TURNS,
        input=None,
        input_sha256=None,
    )
    app = AppFacts(version=rapsam.__version__, source_sha256=source_sha256(), build_type=None)
    return LocalFacts(now_utc(), device, app, conditions)


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
    error = _text(found) if isinstance(found, str) else wrong
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
        model=_model(variant.path, measured.input_shape),
        compute=ComputeFacts(
            requested=runtime.name,
            reported=_reported(measured),
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
        validity=_validity(measured),
        fidelity=measured.fidelity,
        notes=measured.notes,
    )


def _model(path: Path, shape: tuple[int, ...] | None) -> ModelFacts:
    if not path.is_dir():
        return ModelFacts(
            kind="file",
            file=_text(path.name),
            sha256=sha256_of(path),
            size_bytes=size_of(path),
            name=None,
            recipe=None,
            precision=None,
            input_shape=shape,
            tasks=(),
        )
    manifest = read_manifest(path)
    return ModelFacts(
        kind="bundle",
        file=_text(path.absolute().name),
        sha256=hashlib.sha256((path / MANIFEST_NAME).read_bytes()).hexdigest(),
        size_bytes=sum(graph.size_bytes for graph in manifest.graphs),
        name=_text(manifest.model.name),
        recipe=manifest.recipe,
        precision=RECIPES[manifest.recipe].precision,
        input_shape=shape,
        tasks=manifest.tasks,
    )


def _reported(measured: Measured) -> tuple[str, ...] | None:
    """Returns what the graphs together report; None where none reports anything."""
    told = [graph.reported for graph in measured.graphs if graph.reported is not None]
    return tuple(dict.fromkeys(unit for units in told for unit in units)) if told else None


def _validity(measured: Measured) -> Validity | None:
    stages: tuple[StageTimes, ...] = measured.stages
    if not stages:
        return None
    return Validity(
        min_duration_met=all(stage.min_duration_met for stage in stages),
        min_count_met=all(stage.min_count_met for stage in stages),
        is_warm=all(graph.is_warm is not False for graph in measured.graphs),
    )


def _text(text: str) -> str:
    return shortened(printable(text), MAX_TEXT)
