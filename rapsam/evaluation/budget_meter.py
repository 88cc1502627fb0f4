"""What bundles lose on annotated images, for the budget of an export."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from rapsam.data.sources.annotated import AnnotatedClip, AnnotatedSource
from rapsam.errors import InputError, printable
from rapsam.evaluation.agreement import Agreement, panoptic_agreement, prompt_agreement
from rapsam.evaluation.paired import GROUPS, Drop, GroupedScores, drops_between
from rapsam.evaluation.run import Progress, evaluate
from rapsam.evaluation.tasks import PROMPTS
from rapsam.export.bundle.quantisation import Figure, FigureDrop
from rapsam.inference.segmenter import Segmenter
from rapsam.quantize.calibration import pixels_sha256

MEANS: dict[Figure, tuple[str, str]] = {
    "pq": ("panoptic", "panoptic.pq"),
    "click": (PROMPTS, "clicks.mean_iou"),
    "box": (PROMPTS, "boxes.mean_iou"),
}
"""Figures over all images: the task that scores one, and what it is called there."""
_WORST: dict[Figure, Agreement] = {"image-pq": panoptic_agreement, "image-iou": prompt_agreement}
MIN_IMAGES = 3 * GROUPS
"""Fewer leave groups of the standard error empty, where a third of them ranks parts and the rest judges."""


class _Some:
    """Neighbouring images of a source."""

    def __init__(self, source: AnnotatedSource, places: range) -> None:
        self.name, self.label_set = source.name, source.label_set
        self._source, self._places = source, places

    def __len__(self) -> int:
        return len(self._places)

    def num_frames(self, index: int) -> int:
        return self._source.num_frames(self._places[index])

    def read(self, index: int, frames: Sequence[int] | None = None) -> AnnotatedClip:
        return self._source.read(self._places[index], frames)


class DropMeter:
    """Implements `rapsam.export.budget.meter.Meter`.

    Args:
        source: Annotated images. One that cannot be used ends the measurement: a budget is a promise.
        data: Where they come from, in words.
        figures: What is asked for.
        limit: First images that are taken; None for all.
        progress: Told how many images are done, and all.

    Raises:
        InputError: If there are too few images, or one cannot be used.
    """

    def __init__(
        self,
        source: AnnotatedSource,
        data: str,
        figures: Sequence[Figure],
        *,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._source, self.figures, self._progress = source, tuple(figures), progress
        self.data = data
        self.images = len(source) if limit is None else min(limit, len(source))
        if self.images < MIN_IMAGES:
            raise InputError(
                f"{self.images} images in {printable(data)} to hold a budget on; the standard error of a "
                f"loss needs {MIN_IMAGES}, and a narrow one some hundreds"
            )
        classes = [label.name for label in source.label_set.labels]
        digest = hashlib.sha256(repr((self.figures, classes)).encode(errors="surrogateescape"))
        names: dict[str, str] = {}
        for place in range(self.images):
            clip = source.read(place)
            if clip.faults:
                raise InputError(f"{clip.faults[0]}; a budget is held on whole annotations: mend it")
            pixels = pixels_sha256(clip.frames[0])
            names[pixels] = clip.name
            # Groups of the standard error go by names.
            digest.update(clip.name.encode(errors="surrogateescape"))
            digest.update(pixels.encode() + _annotation(clip))
        self.pixels_sha256: Mapping[str, str] = names
        self.key = digest.hexdigest()
        self._counted: dict[tuple[str, str, range], GroupedScores] = {}

    def drops(self, subject: Segmenter, reference: Segmenter, images: range) -> tuple[FigureDrop, ...]:
        """See `Meter.drops`; the reference is counted once for means, and run anew for the worst image."""
        found: dict[str, Drop] = {}
        for task in dict.fromkeys(MEANS[figure][0] for figure in self.figures if figure in MEANS):
            known = (task, reference.key(), images)
            if known not in self._counted:
                self._counted[known] = self._count(task, reference, images)
            ours = self._count(task, subject, images)
            found |= {drop.figure: drop for drop in drops_between(ours, self._counted[known])}
        return tuple(
            self._worst(figure, subject, reference, images)
            if figure in _WORST
            else _figure_drop(figure, found)
            for figure in self.figures
        )

    def _worst(self, figure: Figure, subject: Segmenter, reference: Segmenter, images: range) -> FigureDrop:
        name, agreement = "", 1.0
        for done, place in enumerate(images, start=1):
            clip = self._source.read(place)
            found = _WORST[figure](subject, reference, clip)
            if found < agreement:
                name, agreement = clip.name, found
            if self._progress is not None:
                self._progress(done, len(images))
        return FigureDrop(
            figure=figure, points=100 * (1 - agreement), standard_error=0.0, image=printable(name) or None
        )

    def _count(self, task: str, segmenter: Segmenter, images: range) -> GroupedScores:
        scores, source = GroupedScores(task, segmenter), _Some(self._source, images)
        evaluate(segmenter, source, task, scores=scores, strict=True, progress=self._progress)
        return scores


def _figure_drop(figure: Figure, found: dict[str, Drop]) -> FigureDrop:
    drop = found.get(MEANS[figure][1])
    if drop is None:
        raise InputError(
            f"a budget of {figure}, which these images do not tell; leave --max-{figure}-drop out"
        )
    error = None if drop.standard_error is None else 100 * drop.standard_error
    return FigureDrop(figure=figure, points=100 * drop.drop, standard_error=error)


def _annotation(clip: AnnotatedClip) -> bytes:
    return clip.masks.tobytes() + clip.classes.tobytes() + clip.crowd.tobytes()
