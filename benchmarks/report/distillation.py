"""The table of `sam_distillation`: teacher and student, before and after each recipe."""

from __future__ import annotations

from rapsam.benchmarks.report.markdown import table, where_and_when
from rapsam.benchmarks.studies.distillation_gain import LEVEL, Iou, paired_gain
from rapsam.benchmarks.studies.distillation_records import (
    COMMAND,
    ByImage,
    Leg,
    MeanIou,
    SamDistillation,
    ScoresAt,
)

PLOT = "images/sam-distillation.png"
_HEADER = (
    *("network", "steps", "click, to the truth", "box, to the truth"),
    *("click, to the teacher", "box, to the teacher", "embedding error"),
)


def distillation_table(record: SamDistillation | None) -> str:
    """Writes mean IoUs on the held-out world, and below them how they were made."""
    if record is None:
        return f"Not measured yet: run `{COMMAND}`."
    encoder, loop = record.encoder, record.in_the_loop
    rows = [
        ("teacher", str(record.teacher.steps), *_pair(record.teacher_alone), "-", "-", "-"),
        ("student, encoder untrained", "0", *_figures(encoder.held_out[0])),
        ("student, encoder trained", str(encoder.steps), *_figures(encoder.held_out[-1])),
        ("student, prompts in the loop", f"+ {loop.steps}", *_figures(loop.held_out[-1])),
    ]
    held_out = record.held_out
    minutes = "; ".join(f"`{leg.recipe}` {_told(leg)}" for leg in (record.teacher, encoder, loop))
    caption = (
        f"Mean IoU over {record.prompts} regions of {held_out.images} held-out images (seed {held_out.seed}, "
        f"{held_out.side}x{held_out.side}), each clicked and boxed as in `rapsam eval --task prompts`. "
        f"Steps: {minutes}, on {record.threads} thread; world: `rapsam data synth {record.drawn}`. "
        f"Measured on {where_and_when([(record.machine, record.created_utc)])}, with `{record.command}`."
    )
    gains = [] if record.by_image is None else [_gains(record.by_image), ""]
    picture = f"![losses, and IoU on the way]({PLOT})"
    return "\n".join([table(_HEADER, rows), "", *gains, caption, "", picture])


def _gains(by_image: ByImage) -> str:
    told: tuple[tuple[str, Iou], ...] = (
        ("click, to the truth", lambda image: image.truth.click),
        ("box, to the truth", lambda image: image.truth.box),
        ("click, to the teacher", lambda image: image.teacher.click),
        ("box, to the teacher", lambda image: image.teacher.box),
    )
    gains = ((name, paired_gain(by_image, iou)) for name, iou in told)
    figures = "; ".join(
        f"{name} {100 * found.gain:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
        for name, found in gains
    )
    return (
        f"Prompts in the loop add, in points of mean IoU and in brackets the {LEVEL:.0%} interval of a "
        f"paired bootstrap over the {len(by_image.encoder)} images: {figures}. The interval is of other "
        "images, not of other runs: one was made."
    )


def _figures(scores: ScoresAt) -> tuple[str, ...]:
    return (*_pair(scores.truth), *_pair(scores.teacher), f"{scores.embedding_error:.3f}")


def _pair(iou: MeanIou) -> tuple[str, str]:
    return f"{iou.click:.3f}", f"{iou.box:.3f}"


def _told(leg: Leg) -> str:
    return f"with {leg.batch_size} images a step, {leg.minutes:.1f} min"
