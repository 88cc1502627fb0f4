"""The Markdown tables of `training_speed` and `shipped_weights`."""

from __future__ import annotations

from rapsam.benchmarks.shipped_weights import ASKED, ShippedWeights
from rapsam.benchmarks.training_speed import COMMAND, TrainingSpeed, TrainingSpeeds

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
        _row(f"matching and losses of {part.model}, of a step", f"< {LOSS_SHARE:.0%}", f"{part.share:.1%}")
        for part in speeds.losses
    ]
    rows += [
        _row(
            f"evaluation of {done.images} images, {done.task}, {done.model}",
            f"<= {EVALUATION_MINUTES} min",
            f"{done.seconds / 60:.1f} min",
        )
        for done in speeds.evaluation
    ]
    machine = speeds.machine
    where = f"{machine.cpu or 'unknown CPU'}, {machine.cores} cores, {speeds.created_utc[:10]}"
    caption = f"Measured on {where}, {speeds.threads} threads, with `{speeds.command}`."
    return "\n".join([_row("what", "asked", "measured"), "|---|---|---|", *rows, "", caption])


def weights_table(weights: ShippedWeights | None) -> str:
    """Writes the scores of the shipped weights on the held-out world, beside what was asked."""
    if weights is None:
        return "No weights are shipped yet."
    rows = [_row("on the held-out world", "asked", "reached"), "|---|---|---|"]
    for name, title in _TITLES.items():
        asked = f">= {ASKED[name]:.2f}" if name in ASKED else "-"
        figure = weights.scores[name]
        rows.append(_row(title, asked, "-" if figure is None else f"{figure:.3f}"))
    machine = weights.machine
    steps, hours = sum(leg.steps for leg in weights.legs), sum(leg.hours for leg in weights.legs)
    caption = (
        f"{steps} steps, {hours:.1f} hours on {machine.cpu or 'unknown CPU'}, "
        f"{machine.cores} cores; {weights.size_bytes / 1e6:.1f} MB; {weights.created_utc[:10]}, with "
        f"`{weights.command}`."
    )
    return "\n".join([*rows, "", caption])


def _training_rows(run: TrainingSpeed) -> list[str]:
    processes = "process" if run.workers == 1 else "processes"
    who = f"training of {run.model}, {run.workers} loading {processes}"
    return [
        _row(f"{who}: samples per second", "-", f"{run.samples_per_s:.1f}"),
        _row("the same: share of time waiting for data", f"< {WAIT_SHARE:.0%}", f"{run.wait_share:.1%}"),
    ]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
