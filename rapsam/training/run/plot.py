"""The curves of a run, drawn from its log."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from rapsam.errors import InputError, printable, shortened
from rapsam.files import write_atomic
from rapsam.training.run.log import LogEntry, read_log

PLOT_NAME = "curves.png"
_LONGEST = 80
_LARGEST = 1e30
"""Beyond it matplotlib cannot place the marks of an axis."""


def plot_run(run: Path) -> Path:
    """Draws losses, learning rate, gradient norm and speed of a run.

    Returns:
        The PNG, in the folder of the run.

    Raises:
        InputError: If the run has no log, or nothing in it yet.
    """
    from matplotlib.figure import Figure

    entries = read_log(run)
    if not entries:
        raise InputError(f"the log of {run} is empty; wait for the first entry")
    _check_figures(run, entries)
    figure = Figure(figsize=(11, 7), layout="constrained")
    losses, sums, rates, speeds = figure.subplots(2, 2).flat
    steps = [entry.step for entry in entries]
    # A recipe that was changed on the way has other losses from there on.
    for name in dict.fromkeys(name for entry in entries for name in entry.losses):
        values = [entry.losses.get(name, float("nan")) for entry in entries]
        losses.plot(steps, values, label=_plain(name), linewidth=1)
    losses.set(title="losses", yscale="log", xlabel="step")
    losses.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))  # beside the curves, not on them
    sums.plot(steps, [entry.loss for entry in entries], linewidth=1)
    sums.set(title="sum of the losses", yscale="log", xlabel="step")
    _two_axes(rates, steps, entries)
    speeds.plot(steps, [entry.samples_per_s for entry in entries], linewidth=1)
    speeds.set(title="samples per second", xlabel="step", ylim=(0, None))
    figure.suptitle(f"{_plain(run.resolve().name)}: {entries[-1].step} steps, {entries[-1].epoch:.2f} epochs")
    buffer = BytesIO()
    with warnings.catch_warnings():
        # Characters of any script that the font lacks, losses below zero on a logarithmic axis: all are seen.
        warnings.simplefilter("ignore")
        figure.savefig(buffer, format="png", dpi=110)
    write_atomic(run / PLOT_NAME, buffer.getvalue())
    return run / PLOT_NAME


def _check_figures(run: Path, entries: Sequence[LogEntry]) -> None:
    for entry in entries:
        for value in (entry.epoch, entry.loss, entry.lr, entry.samples_per_s, *entry.losses.values()):
            if abs(value) > _LARGEST:
                raise InputError(
                    f"the log of {run} has {value:g} at step {entry.step}; expected up to {_LARGEST:g}"
                )


def _plain(name: str) -> str:
    """Escapes a name for matplotlib, which takes what stands between dollars for mathematics."""
    return shortened(printable(name), _LONGEST).replace("$", r"\$")


def _two_axes(axes: object, steps: Sequence[int], entries: Sequence[LogEntry]) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    axes.plot(steps, [entry.lr for entry in entries], linewidth=1, color="tab:blue")
    axes.set(title="learning rate (blue), gradient norm (orange)", xlabel="step")
    other = axes.twinx()
    other.plot(steps, [entry.grad_norm or float("nan") for entry in entries], linewidth=1, color="tab:orange")
    other.set_yscale("log")
