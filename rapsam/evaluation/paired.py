"""How much worse one segmenter is than another on the same images, and how sure that is.

Both see every image. Images fall into groups by their names, and the figures are computed again without each
group in turn (delete-a-group jackknife; Kott, "The delete-a-group jackknife", Journal of Official Statistics,
2001). That some images are hard for both cancels in the difference: its standard error is far below that of
either figure.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Literal

import msgspec

from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.errors import InputError
from rapsam.evaluation.figures import numbers
from rapsam.evaluation.scores import Part
from rapsam.evaluation.tasks import PROMPTS, TASKS
from rapsam.inference.segmenter import Segmenter

GROUPS = 20
Side = Literal["subject", "reference"]
_COUNTS = ("prompts", ".objects", "noc@")


class Drop(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of both sides, 0..1, and the difference.

    Attributes:
        figure: Its name.
        value: Of the subject.
        reference: Of the reference.
        drop: Reference less subject: what was lost.
        standard_error: Of the drop; None where fewer than two groups hold anything, or one holds all that a
            figure is made of.
    """

    figure: str
    value: float
    reference: float
    drop: float
    standard_error: float | None


class GroupedScores:
    """Counts a segmenter in groups of clips; implements `Scores`.

    Args:
        task: Name in `rapsam.evaluation.tasks.TASKS`.
        segmenter: Is judged.
    """

    def __init__(self, task: str, segmenter: Segmenter) -> None:
        self._task, self._segmenter = task, segmenter
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

    def results(self, without: int | None = None) -> dict[str, msgspec.Struct]:
        """Computes the results by name of the accumulator, if need be without one group."""
        whole = TASKS[self._task](self._segmenter)
        for number, scores in enumerate(self._groups):
            if number != without:
                for name, part in scores.parts.items():
                    whole.parts[name].merge(part.state())
        return {name: part.result() for name, part in whole.parts.items()}

    def filled(self) -> list[int]:
        """Lists the groups that hold a clip: a name may fall into few of them."""
        empty = TASKS[self._task](self._segmenter)
        nothing = {name: part.state() for name, part in empty.parts.items()}
        return [
            number
            for number, scores in enumerate(self._groups)
            if any(part.state() != nothing[name] for name, part in scores.parts.items())
        ]


def drops_between(subject: GroupedScores, reference: GroupedScores) -> tuple[Drop, ...]:
    """Returns the drop of every figure that is a quality, 0..1, and known on both sides.

    Args:
        subject: Is judged.
        reference: Is what it is judged by, on the same clips.
    """
    values, references = (_qualities(side.results()) for side in (subject, reference))
    partial = [_differences(subject, reference, group) for group in subject.filled()]
    return tuple(
        Drop(
            figure=figure,
            value=value,
            reference=references[figure],
            drop=references[figure] - value,
            standard_error=_standard_error([part.get(figure) for part in partial]),
        )
        for figure, value in values.items()
        if figure in references
    )


class PairedScores:
    """Counts two segmenters on the same clips, in groups; implements `Scores`.

    Args:
        task: Name in `rapsam.evaluation.tasks.TASKS`.
        subject: Is judged.
        reference: Is what it is judged by.

    Raises:
        InputError: If the two name different classes.
    """

    def __init__(self, task: str, subject: Segmenter, reference: Segmenter) -> None:
        if task != PROMPTS and subject.object_finder().labels != reference.object_finder().labels:
            raise InputError(
                f"{subject.name} and {reference.name} name different classes; compare bundles of one model"
            )
        self._segmenters: dict[Side, Segmenter] = {"subject": subject, "reference": reference}
        self._sides = {side: GroupedScores(task, each) for side, each in self._segmenters.items()}
        self.parts: dict[str, Part] = {
            f"{side} {name}": part
            for side, scores in self._sides.items()
            for name, part in scores.parts.items()
        }

    def add(self, segmenter: Segmenter, clip: AnnotatedClip) -> None:
        """See `Scores.add`; both segmenters see the clip, whichever is given."""
        del segmenter
        for side, each in self._segmenters.items():
            self._sides[side].add(each, clip)

    def reference_key(self) -> str:
        """Returns what changes with everything that the reference's results may depend on."""
        return self._segmenters["reference"].key()

    def results(self, side: Side) -> dict[str, msgspec.Struct]:
        """Computes the results of one side by name of the accumulator."""
        return self._sides[side].results()

    def drops(self) -> tuple[Drop, ...]:
        """Returns the drop of every figure; see `drops_between`."""
        return drops_between(self._sides["subject"], self._sides["reference"])


def _differences(subject: GroupedScores, reference: GroupedScores, without: int) -> dict[str, float]:
    ours, theirs = (_qualities(side.results(without)) for side in (subject, reference))
    return {figure: theirs[figure] - value for figure, value in ours.items() if figure in theirs}


def _qualities(results: Mapping[str, msgspec.Struct]) -> dict[str, float]:
    known = {name: value for name, value in numbers(results) if value is not None and not math.isnan(value)}
    return {name: value for name, value in known.items() if not any(part in name for part in _COUNTS)}


def _standard_error(partial: list[float | None]) -> float | None:
    known = [value for value in partial if value is not None]
    if len(known) < max(2, len(partial)):
        return None
    mean = sum(known) / len(known)
    return math.sqrt((len(known) - 1) / len(known) * sum((value - mean) ** 2 for value in known))
