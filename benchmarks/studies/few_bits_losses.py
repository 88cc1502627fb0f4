"""What a bundle loses against another on the same images, each of them scored once.

Many recipes are compared with one fp32 bundle. Its counts are kept, group by group, as those of all others
are, and compared afterwards.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rapsam.benchmarks.studies.few_bits_records import Loss
from rapsam.data.sources.annotated import AnnotatedSource
from rapsam.evaluation.budget_meter import MEANS
from rapsam.evaluation.paired import GroupedScores, drops_between
from rapsam.evaluation.run import evaluate
from rapsam.export.bundle.quantisation import Figure
from rapsam.inference.segmenter import Segmenter

FIGURES: dict[str, dict[str, Figure]] = {
    task: {name: figure for figure, (by, name) in MEANS.items() if by == task}
    for task in dict.fromkeys(task for task, _ in MEANS.values())
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
        InputError: If counts were damaged or edited.
    """
    return tuple(
        loss for task in FIGURES for loss in _losses_of_task(task, subject, reference, images, progress)
    )


def _losses_of_task(
    task: str, subject: Segmenter, reference: Segmenter, images: Images, progress: Progress
) -> list[Loss]:
    ours, theirs = (_counted(task, each, images, progress) for each in (subject, reference))
    return [
        Loss(
            figure=FIGURES[task][drop.figure],
            value=drop.value,
            reference=drop.reference,
            points=100 * drop.drop,
            standard_error=None if drop.standard_error is None else 100 * drop.standard_error,
        )
        for drop in drops_between(ours, theirs)
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
