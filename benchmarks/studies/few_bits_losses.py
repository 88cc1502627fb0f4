"""What a bundle loses against another on the same images, each of them scored once.

Many recipes are compared with one fp32 bundle. Its counts are kept, group by group, as those of all others
are, and compared afterwards.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rapsam.benchmarks.studies.few_bits_records import Figure, Loss
from rapsam.data.sources.annotated import AnnotatedClip, AnnotatedSource
from rapsam.evaluation.paired import GROUPS, PairedScores, Side
from rapsam.evaluation.run import evaluate
from rapsam.evaluation.scores import Part
from rapsam.evaluation.tasks import TASKS
from rapsam.inference.segmenter import Segmenter

FIGURES: dict[str, dict[str, Figure]] = {
    "panoptic": {"panoptic.pq": "pq"},
    "prompts": {"clicks.mean_iou": "click", "boxes.mean_iou": "box"},
}
"""By task of an evaluation, its names of the figures."""

Progress = Callable[[str, int, int], None]
"""Told who is scored at what, how many images are done, and all."""


class Images(NamedTuple):
    """What is scored.

    Attributes:
        source: The images.
        key: Tells them from others of the same name.
        folder: Of the counts.
    """

    source: AnnotatedSource
    key: str
    folder: Path


class GroupedScores:
    """Counts a segmenter in groups of images; implements `Scores`."""

    def __init__(self, task: str, segmenter: Segmenter) -> None:
        self._groups = tuple(TASKS[task](segmenter) for _ in range(GROUPS))
        self.parts: dict[str, Part] = {
            f"{number} {name}": part
            for number, scores in enumerate(self._groups)
            for name, part in scores.parts.items()
        }

    def add(self, segmenter: Segmenter, clip: AnnotatedClip) -> None:
        """See `Scores.add`."""
        group = zlib.crc32(clip.name.encode(errors="surrogateescape")) % GROUPS
        self._groups[group].add(segmenter, clip)


def losses_of(
    subject: Segmenter, reference: Segmenter, images: Images, progress: Progress
) -> tuple[Loss, ...]:
    """Compares two segmenters; what one of them has counted before is not counted again.

    Args:
        subject: Is judged.
        reference: Is what it is judged by.
        images: What both see.
        progress: Gets told of every image.

    Raises:
        InputError: If the two name different classes, or counts were damaged or edited.
    """
    return tuple(
        loss for task in FIGURES for loss in _losses_of_task(task, subject, reference, images, progress)
    )


def _losses_of_task(
    task: str, subject: Segmenter, reference: Segmenter, images: Images, progress: Progress
) -> list[Loss]:
    paired = PairedScores(task, subject, reference)
    sides: dict[Side, Segmenter] = {"subject": subject, "reference": reference}
    for side, segmenter in sides.items():
        for name, part in _counted(task, segmenter, images, progress).parts.items():
            paired.parts[f"{side} {name}"].merge(part.state())
    return [
        Loss(
            figure=FIGURES[task][drop.figure],
            value=drop.value,
            reference=drop.reference,
            points=100 * drop.drop,
            standard_error=None if drop.standard_error is None else 100 * drop.standard_error,
        )
        for drop in paired.drops()
        if drop.figure in FIGURES[task]
    ]


def _counted(task: str, segmenter: Segmenter, images: Images, progress: Progress) -> GroupedScores:
    scores, name = GroupedScores(task, segmenter), f"{Path(segmenter.name).name}-{task}"
    evaluate(
        segmenter,
        images.source,
        task,
        scores=scores,
        data_key=images.key,
        strict=True,
        unfinished=images.folder / f"{name}.json",
        progress=functools.partial(progress, name),
    )
    return scores
