"""What `sam_distillation` found."""

from __future__ import annotations

from pathlib import Path

import msgspec

from rapsam.benchmarks.measuring.records import RESULTS, Versioned, read_records
from rapsam.machine import Machine

FILE = RESULTS / "sam_distillation.json"
COMMAND = "python -m rapsam.benchmarks.studies.sam_distillation"


class HeldOut(msgspec.Struct, frozen=True, kw_only=True):
    """Images of the drawn world that nothing was trained on.

    Attributes:
        seed: Of the world.
        images: The first ones.
        side: Of the square images, in pixels.
    """

    seed: int
    images: int
    side: int


class MeanIou(msgspec.Struct, frozen=True, kw_only=True):
    """Mean IoU over the regions of the held-out images, each asked for with a click and with a box."""

    click: float
    box: float


class ScoresAt(msgspec.Struct, frozen=True, kw_only=True):
    """A student at a step of its run.

    Attributes:
        step: Optimiser steps done.
        truth: Against the masks of the world.
        teacher: Against the teacher's masks for the same prompts.
        embedding_error: Mean squared difference of embeddings, over channels, positions and images.
    """

    step: int
    truth: MeanIou
    teacher: MeanIou
    embedding_error: float


class LossAt(msgspec.Struct, frozen=True, kw_only=True):
    """Mean loss of the steps since the entry before."""

    step: int
    loss: float


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """A run.

    Attributes:
        recipe: Its name.
        model: Variant.
        batch_size: Images of a step.
        steps: Of the optimiser.
        minutes: Time that the steps took.
        losses: As logged.
        held_out: Scores of its checkpoints, the first before any step.
    """

    recipe: str
    model: str
    batch_size: int
    steps: int
    minutes: float
    losses: tuple[LossAt, ...]
    held_out: tuple[ScoresAt, ...]


class ImageIous(msgspec.Struct, frozen=True, kw_only=True):
    """What a student reaches on one held-out image.

    Attributes:
        regions: How many are asked for.
        truth: Mean over them, against the masks of the world.
        teacher: Mean over them, against the teacher's masks.
    """

    regions: int
    truth: MeanIou
    teacher: MeanIou


class ByImage(msgspec.Struct, frozen=True, kw_only=True):
    """The student image by image, the same images in the same order.

    Attributes:
        encoder: After its encoder was trained.
        in_the_loop: After prompts in the loop.
    """

    encoder: tuple[ImageIous, ...]
    in_the_loop: tuple[ImageIous, ...]


class SamDistillation(Versioned, frozen=True, kw_only=True):
    """Content of `results/sam_distillation.json`.

    Attributes:
        created_utc: When the networks were scored, ISO 8601.
        machine: Where.
        threads: Of training.
        drawn: Arguments of `rapsam data synth` for the training world.
        held_out: Images to score on.
        prompts: Regions in them; each is clicked and boxed.
        teacher_alone: The teacher against the masks of the world.
        teacher: Its run; without scores on the way.
        encoder: The student's encoder learns embeddings.
        in_the_loop: The student goes on with prompts in the loop.
        by_image: At the end of both; None in records of before it was kept.
    """

    created_utc: str
    machine: Machine
    threads: int
    drawn: str
    held_out: HeldOut
    prompts: int
    teacher_alone: MeanIou
    teacher: Leg
    encoder: Leg
    in_the_loop: Leg
    by_image: ByImage | None = None


def known_distillation(path: Path = FILE) -> SamDistillation | None:
    """Reads the record; None where there is none."""
    return read_records(path, SamDistillation) if path.exists() else None
