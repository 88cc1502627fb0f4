"""Going through a data set, keeping what is known, going on after an interruption."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from rapsam.data.sources.annotated import AnnotatedClip, AnnotatedSource
from rapsam.data.sources.categories import label_mapping
from rapsam.data.sources.faults import DataSetError
from rapsam.errors import InputError, printable, reading
from rapsam.evaluation.scores import Scores
from rapsam.evaluation.tasks import GIVEN_BOXES, PROMPT_TASKS, TASKS
from rapsam.evaluation.unfinished import Unfinished, load_unfinished, save_unfinished
from rapsam.inference.segmenter import Segmenter
from rapsam.tasks.arrays import Indices

SAVE_SECONDS = 10.0
"""Time between two savings of what was counted."""

NAMED_ANNOTATIONS = 20
"""Annotations that were left out of which the fault is kept; the others are counted."""

Progress = Callable[[int, int], None]


class Outcome(NamedTuple):
    """What an evaluation found.

    Attributes:
        task: Name in `TASKS`.
        clips: Images or videos of the data set that were gone through, with those that were left out.
        results: Results by name of the accumulator.
        left_out: One line for each clip whose files could not be used.
        annotations_left_out: Number of faulty annotations that were left out of the others, or belong to no
            clip.
        first_annotations: A line for each of the first `NAMED_ANNOTATIONS` of them.
        unknown_classes: Classes of the data set that the network does not have; their segments are void.
    """

    task: str
    clips: int
    results: dict[str, msgspec.Struct]
    left_out: tuple[str, ...]
    annotations_left_out: int
    first_annotations: tuple[str, ...]
    unknown_classes: tuple[str, ...]


def evaluate(
    segmenter: Segmenter,
    source: AnnotatedSource,
    task: str,
    *,
    scores: Scores | None = None,
    data_key: str = "",
    strays: Iterable[DataSetError] = (),
    limit: int | None = None,
    strict: bool = False,
    unfinished: Path | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Evaluates a network on a data set, one image or video in memory at a time.

    Args:
        segmenter: The network.
        source: The data set.
        task: Name in `TASKS`.
        scores: What counts the clips; None for the task's own.
        data_key: Tells data sets of one name apart, as by their folders.
        strays: Annotations that belong to no image or video.
        limit: First clips that are taken; None for all.
        strict: Whether a file or an annotation that cannot be used ends the evaluation.
        unfinished: File of what was counted so far; an evaluation of the same question goes on from it. It
            stays: remove it when the outcome is safe. None keeps nothing.
        progress: Told how many of them are done, and all.

    Raises:
        InputError: If a bundle has no graph for the task, no class of the data set is known to the network,
            what it answers is not a number, the file is damaged or was edited, or, with `strict`, something
            cannot be used.
    """
    able, wanted = (segmenter.prompts, "prompt") if task in PROMPT_TASKS else (segmenter.finder, "panoptic")
    if able is None:
        other = "--task prompts" if segmenter.prompts is not None else "another --task"
        raise InputError(
            f"{segmenter.name} has no graph for {task!r}; score it with {other}, or export it with --tasks "
            f"{wanted}, if its model does that"
        )
    tally = _Tally(TASKS[task](segmenter) if scores is None else scores, strict=strict)
    total = len(source) if limit is None else min(limit, len(source))
    classes = _classes(source, segmenter, task)
    # Names may hold bytes that are no text, which JSON cannot keep.
    asked = f"{task}: {segmenter.name}, {segmenter.key()}"
    question = printable(f"{asked}, on {total} of {source.name} {data_key}")
    if unfinished is not None:
        tally.go_on_from(unfinished, question, total)
    if tally.done == 0:
        tally.leave_out_annotations(strays)
    report = progress or _say_nothing
    report(tally.done, total)
    saved = time.monotonic()
    for place in tuple(tally.left_out):
        tally.take(place, source, segmenter, classes)
    while tally.done < total:
        tally.take(tally.done, source, segmenter, classes)
        tally.done += 1
        report(tally.done, total)
        if unfinished and (tally.done == total or time.monotonic() - saved >= SAVE_SECONDS):
            save_unfinished(unfinished, tally.state(question))
            saved = time.monotonic()
    names = [label.name for label, place in zip(source.label_set.labels, classes, strict=True) if place < 0]
    return Outcome(
        task=task,
        clips=total,
        results={name: part.result() for name, part in tally.scores.parts.items()},
        left_out=tuple(line for _, line in sorted(tally.left_out.items())),
        annotations_left_out=tally.annotations_left_out,
        first_annotations=tuple(tally.first_annotations),
        unknown_classes=tuple(names),
    )


class _Tally:
    """What was counted, and what was left out."""

    def __init__(self, scores: Scores, *, strict: bool) -> None:
        self.scores = scores
        self.done = self.annotations_left_out = 0
        self.left_out: dict[int, str] = {}
        self.first_annotations: list[str] = []
        self._strict = strict

    def take(self, place: int, source: AnnotatedSource, segmenter: Segmenter, classes: Indices) -> None:
        """Counts a clip, or leaves it out; its files may have been mended since it was left out."""
        try:
            clip = source.read(place)
        except InputError as error:
            self._refuse_if_strict(str(error))
            self.left_out[place] = printable(str(error))
        else:
            self.left_out.pop(place, None)
            self.leave_out_annotations(clip.faults)
            _add(self.scores, segmenter, clip._replace(classes=classes[clip.classes]))

    def leave_out_annotations(self, faults: Iterable[DataSetError]) -> None:
        """Counts annotations that were left out."""
        for fault in faults:
            self._refuse_if_strict(str(fault))
            self.annotations_left_out += 1
            if len(self.first_annotations) < NAMED_ANNOTATIONS:
                self.first_annotations.append(printable(str(fault)))

    def _refuse_if_strict(self, fault: str) -> None:
        if self._strict:
            raise InputError(f"{fault}; without --strict this is left out and counted")

    def state(self, question: str) -> Unfinished:
        return Unfinished(
            question=question,
            done=self.done,
            left_out=dict(self.left_out),
            annotations_left_out=self.annotations_left_out,
            first_annotations=tuple(self.first_annotations),
            parts={name: part.state() for name, part in self.scores.parts.items()},
        )

    def go_on_from(self, path: Path, question: str, total: int) -> None:
        """Takes over what was counted for the same question.

        Raises:
            InputError: If the file is damaged or edited, or with `strict`, if an annotation was left out.
        """
        state = load_unfinished(path)
        if state is None or state.question != question:
            return
        for fault in state.first_annotations[:1]:
            self._refuse_if_strict(fault)
        with reading(path, "counts of this evaluation: remove it to begin anew"):
            if state.done > total or not all(place < state.done for place in state.left_out):
                raise ValueError(f"{state.done} of {total} done, {len(state.left_out)} left out")
            for name, part in self.scores.parts.items():
                part.merge(msgspec.convert(state.parts[name], type(part.state()), strict=False))
        self.done, self.annotations_left_out = state.done, state.annotations_left_out
        self.left_out, self.first_annotations = dict(state.left_out), list(state.first_annotations)


def _add(scores: Scores, segmenter: Segmenter, clip: AnnotatedClip) -> None:
    try:
        scores.add(segmenter, clip)
    except InputError as error:
        # No reason to leave the image out: another one would be scored in its favour.
        raise InputError(f"{clip.name}: {error}") from error


def _classes(source: AnnotatedSource, segmenter: Segmenter, task: str) -> Indices:
    """Returns the network's class of each class of the data set.

    Prompts ask for regions of any class; given boxes have classes of the data set.
    """
    if task in PROMPT_TASKS:
        count = len(source.label_set.labels)
        return np.arange(count) if task == GIVEN_BOXES else np.zeros(count, np.int64)
    return label_mapping(source.label_set, segmenter.object_finder().labels)


def _say_nothing(done: int, total: int) -> None:
    del done, total
