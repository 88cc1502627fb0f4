"""Going through a data set, keeping what is known, going on after an interruption."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from rapsam.data.sources.annotated import AnnotatedClip, AnnotatedSource
from rapsam.data.sources.categories import label_mapping
from rapsam.errors import JSON_ERRORS, InputError
from rapsam.evaluation.scores import Scores
from rapsam.evaluation.subject import Subject
from rapsam.evaluation.tasks import PROMPTS, TASKS
from rapsam.files import write_atomic
from rapsam.tasks.arrays import Indices

SAVE_SECONDS = 10.0
"""Time between two savings of what was counted."""

Progress = Callable[[int, int], None]


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation on its way.

    Attributes:
        question: What is evaluated on what; another one begins anew.
        done: Clips that were counted or left out.
        left_out: One line for each clip that was left out.
        parts: States of the accumulators.
    """

    question: str
    done: int
    left_out: tuple[str, ...]
    parts: dict[str, Any]


class Outcome(NamedTuple):
    """What an evaluation found.

    Attributes:
        task: Name in `TASKS`.
        clips: Images or videos of the data set that were gone through, with those that were left out.
        results: Results by name of the accumulator.
        left_out: One line for each clip whose files could not be used.
        unknown_classes: Classes of the data set that the network does not have; their segments are void.
    """

    task: str
    clips: int
    results: dict[str, msgspec.Struct]
    left_out: tuple[str, ...]
    unknown_classes: tuple[str, ...]


def evaluate(
    subject: Subject,
    source: AnnotatedSource,
    task: str,
    *,
    data_key: str = "",
    limit: int | None = None,
    unfinished: Path | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Evaluates a network on a data set, one image or video in memory at a time.

    Args:
        subject: The network.
        source: The data set.
        task: Name in `TASKS`.
        data_key: Tells data sets of one name apart, as by their folders.
        limit: First clips that are taken; None for all.
        unfinished: File of what was counted so far; an evaluation of the same question goes on from it. It
            stays: remove it when the outcome is safe. None keeps nothing.
        progress: Told how many of them are done, and all.

    Raises:
        InputError: If a bundle has no graph for the task, no class of the data set is known to the network,
            what it answers is no number, or the file is damaged.
    """
    able, graphs = (
        (subject.takes_prompts, "prompt") if task == PROMPTS else (subject.finds_objects, "panoptic")
    )
    if not able:
        raise InputError(f"{subject.name} has no graph for {task!r}; export it with --tasks {graphs}")
    scores = TASKS[task](subject.labels)
    total = len(source) if limit is None else min(limit, len(source))
    classes = _classes(source, subject, task)
    question = f"{task}: {subject.name}, {subject.key}, on {total} of {source.name} {data_key}"
    done, left_out = _restored(unfinished, question, scores)
    report = progress or _say_nothing
    report(done, total)
    saved = time.monotonic()
    while done < total:
        try:
            clip = source.read(done)
        except InputError as error:
            left_out.append(str(error))
        else:
            _add(scores, subject, clip._replace(classes=classes[clip.classes]))
        done += 1
        report(done, total)
        if unfinished and (done == total or time.monotonic() - saved >= SAVE_SECONDS):
            _save(unfinished, question, done, left_out, scores)
            saved = time.monotonic()
    names = [label.name for label, place in zip(source.label_set.labels, classes, strict=True) if place < 0]
    results = {name: part.result() for name, part in scores.parts.items()}
    return Outcome(task, total, results, tuple(left_out), tuple(names))


def _add(scores: Scores, subject: Subject, clip: AnnotatedClip) -> None:
    try:
        scores.add(subject, clip)
    except InputError as error:
        # No reason to leave the image out: another one would be scored in its favour.
        raise InputError(f"{clip.name}: {error}") from error


def _classes(source: AnnotatedSource, subject: Subject, task: str) -> Indices:
    """Gives the network's class of each class of the data set; prompts ask for regions of any class."""
    if task == PROMPTS:
        return np.zeros(len(source.label_set.labels), np.int64)
    return label_mapping(source.label_set, subject.labels)


def _say_nothing(done: int, total: int) -> None:
    del done, total


def _save(path: Path, question: str, done: int, left_out: list[str], scores: Scores) -> None:
    states = {name: part.state() for name, part in scores.parts.items()}
    state = Unfinished(question=question, done=done, left_out=tuple(left_out), parts=states)
    write_atomic(path, msgspec.json.encode(state))


def _restored(path: Path | None, question: str, scores: Scores) -> tuple[int, list[str]]:
    if path is None or not path.exists():
        return 0, []
    try:
        state = msgspec.json.decode(path.read_bytes(), type=Unfinished)
        if state.question != question:
            return 0, []
        for name, part in scores.parts.items():
            part.merge(msgspec.convert(state.parts[name], type(part.state()), strict=False))
    except (*JSON_ERRORS, KeyError) as error:
        raise InputError(f"{path} is damaged ({error}); remove it to begin anew") from error
    return state.done, list(state.left_out)
