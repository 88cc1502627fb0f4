"""Parts of a record that are made alike, wherever a run took place."""

from __future__ import annotations

import hashlib
from pathlib import Path

import rapsam
from rapsam.benchmarks.latency.facts import MAX_TEXT, AppFacts, Conditions, ModelFacts, Timing
from rapsam.benchmarks.latency.job import Measured
from rapsam.benchmarks.latency.record import StageTimes, Validity
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


def reported_units_of(measured: Measured) -> tuple[str, ...] | None:
    """Returns what the graphs together report; None where none reports anything."""
    told = [graph.reported for graph in measured.graphs if graph.reported is not None]
    return tuple(dict.fromkeys(unit for units in told for unit in units)) if told else None


def validity_of(measured: Measured) -> Validity | None:
    """Says whether the times of a run may be believed; None where there are none."""
    stages: tuple[StageTimes, ...] = measured.stages
    if not stages:
        return None
    return Validity(
        min_duration_met=all(stage.min_duration_met for stage in stages),
        min_count_met=all(stage.min_count_met for stage in stages),
        is_warm=all(graph.is_warm is not False for graph in measured.graphs),
    )


def record_text(text: str) -> str:
    """Returns a text that may come from anywhere, fit for a record."""
    return shortened(printable(text), MAX_TEXT)
