"""The outcome of an evaluation as JSON and as rows of a table."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec

from rapsam.errors import JSON_ERRORS, InputError, printable
from rapsam.evaluation.figures import numbers_of, plain_figures
from rapsam.evaluation.paired import Drop
from rapsam.evaluation.run import Outcome
from rapsam.evaluation.tasks import TASKS
from rapsam.files import write_json
from rapsam.inference.segmenter import Segmenter
from rapsam.tasks.labels import Label

SCHEMA_VERSION = 1
_MAX_BYTES = 100_000_000


class Against(msgspec.Struct, frozen=True, kw_only=True):
    """A reference that saw the same images.

    Attributes:
        subject: Model and weights, or bundle.
        runtime: What computed.
        drops: What was lost, figure by figure.
    """

    subject: str
    runtime: str
    drops: tuple[Drop, ...]


class EvaluationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was evaluated, and how well it did.

    Attributes:
        schema_version: Of this record.
        subject: Model and weights, or bundle.
        runtime: What computed.
        input_size: What images were resized to, in words.
        max_clip: Frames of a video that the network saw at a time, at most: five with a checkpoint as
            published, one with a bundle.
        source: Data set.
        task: As in `rapsam eval --task`.
        clips: Images or videos that were gone through, with those that were left out.
        left_out: A line for each of them whose files could not be used.
        annotations_left_out: Number of faulty annotations that were left out, or belong to no image.
        first_annotations_left_out: A line for each of the first of them.
        unknown_classes: Classes of the data set that the network does not have.
        classes: The network's classes, by index.
        figures: Results by name; 0..1, or null where nothing was compared.
        against: How much worse it is than another on the same images; None if none was named.
    """

    schema_version: int = SCHEMA_VERSION
    subject: str
    runtime: str
    input_size: str
    max_clip: int
    source: str
    task: str
    clips: int
    left_out: tuple[str, ...]
    annotations_left_out: int
    first_annotations_left_out: tuple[str, ...]
    unknown_classes: tuple[str, ...]
    classes: tuple[str, ...]
    figures: dict[str, Any]
    against: Against | None = None

    def rows(self) -> list[tuple[str, str]]:
        """Returns the figures that are no figures of single classes, as name and text."""
        return [(name, _text(value)) for name, value in numbers_of(self.figures)]

    def drop_rows(self) -> list[tuple[str, ...]]:
        """Returns each drop as texts: figure, value, value of the reference, drop and its error in points."""
        if self.against is None:
            return []
        return [
            (
                drop.figure,
                _text(drop.value),
                _text(drop.reference),
                _points(drop.drop),
                "-" if drop.standard_error is None else f"+- {_points(drop.standard_error)}",
            )
            for drop in self.against.drops
        ]


def report_of(
    segmenter: Segmenter, source: str, outcome: Outcome, against: Against | None = None
) -> EvaluationReport:
    """Makes the report of an evaluation on the data set of this name."""
    return EvaluationReport(
        subject=printable(segmenter.name),
        runtime=segmenter.runtime,
        input_size=segmenter.input_size,
        max_clip=segmenter.max_clip,
        source=source,
        task=outcome.task,
        clips=outcome.clips,
        left_out=outcome.left_out,
        annotations_left_out=outcome.annotations_left_out,
        first_annotations_left_out=outcome.first_annotations,
        unknown_classes=tuple(map(printable, outcome.unknown_classes)),
        classes=tuple(printable(label.name) for label in _labels(segmenter)),
        figures=plain_figures(outcome.results),
        against=against,
    )


def _labels(segmenter: Segmenter) -> tuple[Label, ...]:
    return segmenter.finder.labels.labels if segmenter.finder else ()


def check_replaceable(path: Path) -> None:
    """Tells before long work whether a report may be written where a file may be.

    Raises:
        InputError: If there is a file that is not a report of ours, as an annotation file.
    """
    if path.exists() and not _is_report(path):
        raise InputError(
            f"{path} is not a report of an evaluation, so it is not replaced; choose another --out"
        )


def _is_report(path: Path) -> bool:
    try:
        if path.stat().st_size > _MAX_BYTES:
            return False
        found = msgspec.json.decode(path.read_bytes(), type=_Report)
    except JSON_ERRORS:
        return False
    return found.task in TASKS


class _Report(msgspec.Struct):
    """What every report of any version has."""

    schema_version: int
    task: str
    figures: dict[str, Any]


def write_report(path: Path, report: EvaluationReport) -> None:
    """Writes a report as readable JSON, in full or not at all."""
    write_json(path, report)


def _points(fraction: float) -> str:
    return f"{100 * fraction:.2f}"


def _text(value: float | None) -> str:
    if value is None or math.isnan(value):
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
