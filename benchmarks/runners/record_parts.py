"""A record and its parts as they are made alike, wherever a run took place."""

from __future__ import annotations

import hashlib
import uuid
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
from rapsam.benchmarks.latency.job import Measured
from rapsam.benchmarks.latency.record import SCHEMA_VERSION, LatencyRecord, Provenance, Validity
from rapsam.errors import printable, shortened
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.build.source import source_sha256
from rapsam.export.bundle.manifest import MANIFEST_NAME
from rapsam.export.bundle.manifest_file import read_manifest
from rapsam.files import sha256_of, size_of

_ALONE = "alone"
_IN_TURNS = "in turns, every other round backwards"


def app_facts() -> AppFacts:
    """Describes this toolkit."""
    return AppFacts(version=rapsam.__version__, source_sha256=source_sha256(), build_type=None)


def conditions_of(timing: Timing, command: str, variants: int) -> Conditions:
    """Describes how variants are timed, before it is known on what.

    Args:
        timing: The protocol.
        command: What measures.
        variants: How many take turns.
    """
    return Conditions(
        timing=timing,
        command=record_text(command),
        variants=variants,
        order=_ALONE if variants == 1 else _IN_TURNS,
        input=None,
        input_sha256=None,
    )


def model_facts(path: Path, shape: tuple[int, ...] | None) -> ModelFacts:
    """Describes a bundle or a bare file.

    Args:
        path: It; a bundle was verified.
        shape: Of the image, or of the first input; None where it never came so far.
    """
    if not path.is_dir():
        return ModelFacts(
            kind="file",
            file=record_text(path.name),
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
        file=record_text(path.absolute().name),
        sha256=hashlib.sha256((path / MANIFEST_NAME).read_bytes()).hexdigest(),
        size_bytes=sum(graph.size_bytes for graph in manifest.graphs),
        name=record_text(manifest.model.name),
        recipe=manifest.recipe,
        precision=RECIPES[manifest.recipe].precision,
        input_shape=shape,
        tasks=manifest.tasks,
    )


class RunFacts(NamedTuple):
    """What is known of a run whatever came of it; see `LatencyRecord` and `ComputeFacts`.

    Attributes:
        path: Bundle or bare file that was run; a bundle was verified.
        requested: The unit that was asked for.
    """

    runner: str
    provenance: Provenance
    created_utc: str
    device: DeviceFacts
    app: AppFacts
    runtime: RuntimeFacts
    path: Path
    requested: str
    threads: int | None
    cpus: tuple[int, ...] | None
    conditions: Conditions


def record_of(facts: RunFacts, measured: Measured, failed: str | None) -> LatencyRecord:
    """Puts together a record: a run has failed if anything says so, or its self-test is wrong.

    Args:
        facts: Of the run.
        measured: What came of it; `NOTHING` if nothing did.
        failed: Why it ended before it should have; None if it did not.
    """
    wrong = None if measured.fidelity is None else fidelity_error(measured.fidelity)
    error = wrong if failed is None else record_text(failed)
    return LatencyRecord(
        schema_version=SCHEMA_VERSION,
        run_id=uuid.uuid4().hex,
        created_utc=facts.created_utc,
        status="done" if error is None else "failed",
        error=error,
        runner=facts.runner,
        provenance=facts.provenance,
        device=facts.device,
        app=facts.app,
        runtime=facts.runtime,
        model=model_facts(facts.path, measured.input_shape),
        compute=ComputeFacts(
            requested=facts.requested,
            reported=_reported_units(measured),
            threads=facts.threads,
            cpus=facts.cpus,
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


def record_text(text: str) -> str:
    """Returns a text that may come from anywhere, fit for a record."""
    return shortened(printable(text), MAX_TEXT)


def _reported_units(measured: Measured) -> tuple[str, ...] | None:
    """Returns what the graphs together report; None where none reports anything."""
    told = [graph.reported for graph in measured.graphs if graph.reported is not None]
    return tuple(dict.fromkeys(unit for units in told for unit in units)) if told else None


def _validity(measured: Measured) -> Validity | None:
    """Says whether the times of a run may be believed; None where there are none."""
    stages = measured.stages
    if not stages:
        return None
    return Validity(
        min_duration_met=all(stage.min_duration_met for stage in stages),
        min_count_met=all(stage.min_count_met for stage in stages),
        is_warm=all(graph.is_warm is not False for graph in measured.graphs),
    )
