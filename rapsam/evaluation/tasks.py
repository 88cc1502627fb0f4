"""Which tasks each kind of data set can score, the first being the usual one."""

from __future__ import annotations

from collections.abc import Callable

from rapsam.errors import InputError
from rapsam.evaluation.image_scores import InstanceScores, PanopticScores
from rapsam.evaluation.prompt_scores import PromptScores
from rapsam.evaluation.scores import Scores
from rapsam.evaluation.video_scores import TrackScores, VideoPanopticScores
from rapsam.inference.segmenter import Segmenter

PROMPTS = "prompts"
GIVEN_BOXES = "given-boxes"


def _without_boxes(segmenter: Segmenter) -> Scores:
    raise InputError(f"the task {GIVEN_BOXES!r} of {segmenter.name} without boxes; name a file: --boxes FILE")


TASKS: dict[str, Callable[[Segmenter], Scores]] = {
    "panoptic": PanopticScores,
    "instances": InstanceScores,
    PROMPTS: PromptScores,
    GIVEN_BOXES: _without_boxes,
    "tracks": TrackScores,
    "video-panoptic": VideoPanopticScores,
}
PROMPT_TASKS = (PROMPTS, GIVEN_BOXES)
VIDEO_TASKS = ("tracks", "video-panoptic")
TASKS_OF_KIND = {
    "coco_panoptic": ("panoptic", "instances", "prompts", "given-boxes"),
    "coco_instances": ("instances", "prompts", "given-boxes"),
    "youtube_vis_2019": ("tracks",),
    "ade20k_panoptic": ("panoptic", "instances", "prompts"),
    "vipseg": ("video-panoptic", "tracks"),
    "sa1b": ("prompts",),
}


def task_for(kind: str, wanted: str | None) -> str:
    """Returns the task to score, the usual one of a kind of data set if none is wanted.

    Raises:
        InputError: If such data cannot score the task.
    """
    possible = TASKS_OF_KIND[kind]
    if wanted is not None and wanted not in possible:
        able = [other for other, tasks in TASKS_OF_KIND.items() if wanted in tasks]
        hint = f"; data of another kind can score it: --kind {' or '.join(able)}" if able else ""
        raise InputError(
            f"task {wanted!r} with data of kind {kind!r}; expected {' or '.join(possible)}{hint}"
        )
    return wanted or possible[0]
