"""What a new run will do that its owner may not have meant."""

from __future__ import annotations

from collections.abc import Iterator

from rapsam.training.config import LessonConfig, RunConfig
from rapsam.training.lessons import Teacher
from rapsam.training.samples import MixedSamples
from rapsam.training.session import Prepared, StartingPoint
from rapsam.training.trainer import steps_of

_NAMED = 5


def warnings_of(prepared: Prepared, start: StartingPoint) -> list[str]:
    """Says it before the first step, a line for each.

    Args:
        prepared: The run.
        start: Where it starts.
    """
    config = prepared.config
    lines = list(_of_schedule(config, prepared.samples))
    if config.lesson is not None:
        return [*lines, *_of_lesson(config, config.lesson, start, prepared.teacher)]
    return [*lines, *_of_backbone(config, start), *_of_classes(prepared.samples)]


def _of_schedule(config: RunConfig, samples: MixedSamples) -> Iterator[str]:
    steps = steps_of(config, samples.epoch_length)
    optimiser = config.optimiser
    if optimiser.warmup_steps >= steps and optimiser.warmup_start < 1:
        yield (
            f"the learning rate grows for {optimiser.warmup_steps} steps, and the run has {steps}: it "
            "never gets to its height; --set optimiser.warmup_steps=N with fewer, or epochs=N with more"
        )


def _of_lesson(
    config: RunConfig, lesson: LessonConfig, start: StartingPoint, teacher: object
) -> Iterator[str]:
    if isinstance(teacher, Teacher) and not teacher.network.weights.trained:
        yield (
            f"the teacher has weights that have learnt nothing ({teacher.network.weights}): no more can be "
            "learnt from it; --teacher FILE takes trained ones"
        )
    if start.checkpoint is not None:
        return
    if lesson.kind == "prompts":
        yield (
            "the encoder starts from random weights, on which the teacher's decoder can answer nothing yet: "
            "give the weights of a run that learnt embeddings first, as of sam-encoder: --checkpoint FILE"
        )
    if config.batch_statistics == "none":
        yield (
            "the encoder starts from random weights, and batch_statistics = 'none' keeps its batch norms "
            "from learning: give --checkpoint, or --set batch_statistics=all"
        )


def _of_backbone(config: RunConfig, start: StartingPoint) -> Iterator[str]:
    if config.batch_statistics != "all" and start.checkpoint is None and start.backbone is None:
        yield (
            f"the backbone starts from random weights, and batch_statistics = {config.batch_statistics!r} "
            "keeps its batch norms from learning: give --backbone or --checkpoint, or "
            "--set batch_statistics=all"
        )


def _of_classes(samples: MixedSamples) -> Iterator[str]:
    for mixed in samples.sources:
        labels = mixed.source.label_set.labels
        unknown = [label.name for label, place in zip(labels, mixed.classes, strict=True) if place < 0]
        if unknown:
            some = ", ".join(unknown[:_NAMED]) + (", .." if len(unknown) > _NAMED else "")
            yield (
                f"{len(unknown)} of {len(labels)} classes of {mixed.source.name} are unknown to the network "
                f"and teach masks only: {some}"
            )
