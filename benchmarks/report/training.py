"""The tables of `training_speed`, `shipped_weights` and `sampling_forms`."""

from __future__ import annotations

from typing import get_args

from rapsam.benchmarks.report.markdown import table, where_and_when
from rapsam.benchmarks.studies.sampling_forms import FormTiming, SamplingRecords
from rapsam.benchmarks.studies.shipped_weights import ASKED, ShippedWeights
from rapsam.benchmarks.studies.speed_records import TITLES
from rapsam.benchmarks.studies.training_speed import COMMAND, TrainingSpeed, TrainingSpeeds
from rapsam.contract import Sampling
from rapsam.export.backends.catalogue import find_recipe

EVALUATION_MINUTES, WAIT_SHARE, LOSS_SHARE = 5, 0.10, 0.25
_TITLES = {
    "pq": "PQ",
    "pq_things": "PQ, things",
    "pq_stuff": "PQ, stuff",
    "mask_ap": "mask AP",
    "semantic_miou": "semantic mean IoU",
    "click_miou": "one click: mean IoU",
    "click_noc_85": "one click: clicks to IoU 0.85, 20 where the first misses it",
    "box_miou": "box: mean IoU",
    "tube_ap": "videos: tube AP",
}


def training_table(speeds: TrainingSpeeds | None) -> str:
    """Writes how quick training and evaluation are, with where and when it was measured."""
    if speeds is None:
        return f"Not measured yet: run `{COMMAND}`."
    rows = [row for run in speeds.training for row in _training_rows(run)]
    rows += [
        (f"matching and losses of {part.model}, of a step", f"< {LOSS_SHARE:.0%}", f"{part.share:.1%}")
        for part in speeds.losses
    ]
    rows += [
        (
            f"evaluation of {done.images} images, {done.task}, {done.model}",
            f"<= {EVALUATION_MINUTES} min",
            f"{done.seconds / 60:.1f} min",
        )
        for done in speeds.evaluation
    ]
    where = where_and_when([(speeds.machine, speeds.created_utc)])
    caption = f"Measured on {where}, {speeds.threads} threads, with `{speeds.command}`."
    return "\n".join([table(("what", "asked", "measured"), rows), "", caption])


def weights_table(weights: ShippedWeights | None) -> str:
    """Writes the scores of the shipped weights on the held-out world, beside what was asked."""
    if weights is None:
        return "No weights are shipped yet."
    rows = []
    for name, title in _TITLES.items():
        asked = f">= {ASKED[name]:.2f}" if name in ASKED else "-"
        figure = weights.scores[name]
        rows.append((title, asked, "-" if figure is None else f"{figure:.3f}"))
    machine = weights.machine
    steps, hours = sum(leg.steps for leg in weights.legs), sum(leg.hours for leg in weights.legs)
    caption = (
        f"{steps} steps, {hours:.1f} hours on {machine.cpu or 'unknown CPU'}, "
        f"{machine.cores} cores; {weights.size_bytes / 1e6:.1f} MB; {weights.created_utc[:10]}, with "
        f"`{weights.command}`."
    )
    return "\n".join([table(("on the held-out world", "asked", "reached"), rows), "", caption])


def sampling_table(records: SamplingRecords) -> str:
    """Writes the figures as a Markdown table, with the form that the recipe of each target has."""
    header = ("runtime", *(f"{form}, ms" for form in get_args(Sampling)), "recipe")
    rows = []
    for target in dict.fromkeys(timing.target for timing in records.timings):
        cells = [_cell(timing) for timing in records.timings if timing.target == target]
        rows.append((TITLES[target], *cells, find_recipe(target, "fp32").sampling))
    height, width = records.size
    caption = (
        f"Encoder of {records.model} at {height}x{width}, fp32, {records.threads} thread: median (first and "
        f"third quartile) of {records.rounds} turns, load average {records.load_average}; "
        f"{records.machine.cpu or 'unknown CPU'}, {records.created_utc[:10]}, `{records.command}`."
    )
    return "\n".join([table(header, rows), "", caption])


def _training_rows(run: TrainingSpeed) -> list[tuple[str, str, str]]:
    processes = "process" if run.workers == 1 else "processes"
    who = f"training of {run.model}, {run.workers} loading {processes}"
    return [
        (f"{who}: samples per second", "-", f"{run.samples_per_s:.1f}"),
        ("the same: share of time waiting for data", f"< {WAIT_SHARE:.0%}", f"{run.wait_share:.1%}"),
    ]


def _cell(timing: FormTiming) -> str:
    if timing.ms is None:
        return f"not run: {timing.not_run}"
    return f"{timing.ms.median:.0f} ({timing.ms.first:.0f} to {timing.ms.third:.0f})"
