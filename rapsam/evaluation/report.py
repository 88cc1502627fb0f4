"""The outcome of an evaluation as JSON and as rows of a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from rapsam.data.sources.annotated import AnnotatedSource
from rapsam.evaluation.subject import Subject
from rapsam.files import write_atomic

SCHEMA_VERSION = 1


class EvaluationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was evaluated, and how well it did.

    Attributes:
        schema_version: Of this record.
        subject: Model and weights, or bundle.
        runtime: What computed.
        source: Data set.
        clips: Images or videos of the data set.
        task: "images", "prompts" or "videos".
        figures: Accumulator to its results; null where nothing was compared.
        left_out: A line for each clip whose files could not be used.
    """

    schema_version: int = SCHEMA_VERSION
    subject: str
    runtime: str
    source: str
    clips: int
    task: str
    figures: dict[str, Any]
    left_out: tuple[str, ...]

    def rows(self) -> list[tuple[str, str]]:
        """Gives the figures that are single numbers, as name and text."""
        return [(name, _text(value)) for name, value in _numbers(self.figures)]


def report_of(
    subject: Subject,
    source: AnnotatedSource,
    task: str,
    results: Mapping[str, msgspec.Struct],
    left_out: tuple[str, ...],
) -> EvaluationReport:
    """Makes the report of an evaluation."""
    # Through JSON: a figure without anything to compare is NaN, which JSON writes as null.
    figures = {name: msgspec.json.decode(msgspec.json.encode(result)) for name, result in results.items()}
    return EvaluationReport(
        subject=subject.name,
        runtime=subject.runtime,
        source=source.name,
        clips=len(source),
        task=task,
        figures=figures,
        left_out=left_out,
    )


def write_report(path: Path, report: EvaluationReport) -> None:
    """Writes a report as readable JSON, in full or not at all."""
    write_atomic(path, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


def _numbers(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float | None]]:
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif value is None or isinstance(value, int | float):
            yield prefix + name, value


def _text(value: float | None) -> str:
    if value is None or math.isnan(value):
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
