"""The picture of `sam_distillation`: losses, and what they are worth on the held-out world."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.benchmarks.studies.distillation_records import Leg, MeanIou, SamDistillation
from rapsam.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_distillation(record: SamDistillation, path: Path) -> None:
    """Draws the losses of all three runs, and below those of the student its mean IoUs.

    Args:
        record: What the study found.
        path: The PNG.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.5), layout="constrained")
    losses, scores = figure.subplots(2, 3)
    legs = (record.teacher, record.encoder, record.in_the_loop)
    for axes, leg in zip(losses, legs, strict=True):
        axes.plot([entry.step for entry in leg.losses], [entry.loss for entry in leg.losses], linewidth=1)
        axes.set(title=f"{leg.recipe}: loss", xlabel="step", ylim=(0, None))
    for axes, leg in zip(scores[1:], legs[1:], strict=True):
        _draw_scores(axes, leg)
        _draw_limits(axes, record.teacher_alone)
    # The teacher's checkpoints were not scored: below its loss is room for the names of the lines.
    scores[0].set_axis_off()
    scores[0].legend(*scores[1].get_legend_handles_labels(), loc="center", title="mean IoU of")
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_atomic(path, buffer.getvalue())


def _draw_limits(axes: Axes, teacher: MeanIou) -> None:
    for prompt, value, colour in (("click", teacher.click, "tab:blue"), ("box", teacher.box, "tab:orange")):
        axes.axhline(
            value, color=colour, linewidth=1, linestyle=":", label=f"teacher: {prompt}, to the truth"
        )


def _draw_scores(axes: Axes, leg: Leg) -> None:
    steps = [scores.step for scores in leg.held_out]
    for prompt, colour in (("click", "tab:blue"), ("box", "tab:orange")):
        truth = [getattr(scores.truth, prompt) for scores in leg.held_out]
        teacher = [getattr(scores.teacher, prompt) for scores in leg.held_out]
        axes.plot(steps, truth, "o-", markersize=3, color=colour, label=f"student: {prompt}, to the truth")
        axes.plot(
            steps, teacher, "s--", markersize=3, color=colour, label=f"student: {prompt}, to the teacher"
        )
    axes.set(title=f"{leg.recipe}: mean IoU, held-out", xlabel="step", ylim=(0, 1))
