"""Going through a data set, keeping what is known, going on after an interruption."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from rapsam.data.sources.annotated import AnnotatedClip, AnnotatedSource
from rapsam.data.sources.categories import label_mapping
from rapsam.errors import InputError
from rapsam.evaluation.scores import Scores
from rapsam.evaluation.subject import Subject
from rapsam.files import write_atomic

SAVE_EVERY = 20
"""Clips between two savings of what was counted."""

Progress = Callable[[int, int], None]


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation on its way.

    Attributes:
        question: What is evaluated on what; another one begins anew.
        done: Clips that were counted or left out.
        faults: One line for each clip that was left out.
        parts: States of the accumulators.
    """

    question: str
    done: int
    faults: tuple[str, ...]
    parts: dict[str, Any]


def evaluate(
    subject: Subject,
    source: AnnotatedSource,
    scores: Scores,
    *,
    limit: int | None,
    unfinished: Path,
    progress: Progress,
) -> tuple[dict[str, msgspec.Struct], tuple[str, ...]]:
    """Evaluates a network on a data set, one clip in memory at a time.

    Args:
        subject: The network.
        source: The data set.
        scores: Counts.
        limit: First clips that are taken; None for all.
        unfinished: File of the state; an interrupted evaluation of the same question goes on from it, and a
            finished one removes it.
        progress: Told the clips done and all.

    Returns:
        Results by name, and a line for each clip whose files could not be used.

    Raises:
        InputError: If no class of the data set is known to the network, or the state is damaged.
    """
    total = len(source) if limit is None else min(limit, len(source))
    classes = label_mapping(source.label_set, subject.labels)
    question = f"{subject.name} in {subject.runtime} on {total} of {source.name}"
    start, faults = _restored(unfinished, question, scores)
    for index in range(start, total):
        try:
            clip = source.read(index)
        except InputError as error:
            faults.append(str(error))
        else:
            scores.add(subject, _known(clip, classes))
        done = index + 1
        if done % SAVE_EVERY == 0 and done < total:
            states = {name: part.state() for name, part in scores.parts.items()}
            state = Unfinished(question=question, done=done, faults=tuple(faults), parts=states)
            write_atomic(unfinished, msgspec.json.encode(state))
        progress(done, total)
    unfinished.unlink(missing_ok=True)
    return {name: part.result() for name, part in scores.parts.items()}, tuple(faults)


def _restored(path: Path, question: str, scores: Scores) -> tuple[int, list[str]]:
    if not path.exists():
        return 0, []
    try:
        state = msgspec.json.decode(path.read_bytes(), type=Unfinished)
        if state.question != question:
            return 0, []
        for name, part in scores.parts.items():
            part.merge(msgspec.convert(state.parts[name], type(part.state())))
    except (msgspec.MsgspecError, KeyError) as error:
        raise InputError(f"{path} is damaged ({error}); remove it to begin anew") from error
    return state.done, list(state.faults)


def _known(clip: AnnotatedClip, classes: np.ndarray[Any, np.dtype[np.int64]]) -> AnnotatedClip:
    """Writes a clip in the classes of the network; segments of unknown ones become void."""
    mapped = classes[clip.classes]
    known = mapped >= 0
    return clip._replace(
        masks=clip.masks[known], classes=mapped[known], crowd=clip.crowd[known], ids=clip.ids[known]
    )
