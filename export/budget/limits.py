"""What is asked of a bundle, and whether what was measured holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rapsam.errors import InputError, unknown_name
from rapsam.export.build.plan import ExportPlan
from rapsam.export.bundle.quantisation import TITLES, WORST, Figure, FigureDrop

_TASKS: dict[Figure, str] = {
    "pq": "panoptic",
    "click": "prompt",
    "box": "prompt",
    "image-pq": "panoptic",
    "image-iou": "prompt",
}
_MOST = 100.0
_LEAST_SHARE = 0.05
"""Points that a limit counts for at least, where losses are compared with it: it may be zero."""


def check_limits(limits: Mapping[Figure, float], plan: ExportPlan) -> None:
    """Checks the limits of a budget.

    Args:
        limits: Points by figure.
        plan: Of the bundle.

    Raises:
        InputError: If a limit is no number of points, or about a task that the bundle does not do, or the
            bundle is float.
    """
    if not limits:
        raise InputError("a budget without a limit; name one, such as --max-pq-drop 1.0")
    if plan.recipe.quantisation is None:
        raise InputError(
            f"a budget for precision {plan.recipe.precision}, which has no few bits; take another "
            "--precision, such as w8a8, or leave the budget out"
        )
    for figure, limit in limits.items():
        if figure not in TITLES:
            raise unknown_name("figure of a budget", figure, TITLES)
        if not 0 <= limit <= _MOST:
            raise InputError(f"--max-{figure}-drop {limit:g}; expected points of 100, such as 1.0")
        if _TASKS[figure] not in plan.tasks:
            raise InputError(
                f"--max-{figure}-drop for a bundle without the task {_TASKS[figure]!r}; "
                f"add it to --tasks, if the model does it, or limit another figure"
            )


def holds(drops: Iterable[FigureDrop], limits: Mapping[Figure, float], t: float) -> bool:
    """Says whether every limit is held with the whole confidence interval, see `FigureDrop.upper`."""
    uppers = {drop.figure: drop.upper(t) for drop in drops}
    return all(uppers[figure] <= limit for figure, limit in limits.items())


def excess(drops: Iterable[FigureDrop], limits: Mapping[Figure, float], t: float) -> float:
    """Returns by how many points the worst figure's interval is over its limit; negative if none is."""
    uppers = {drop.figure: drop.upper(t) for drop in drops}
    return max(uppers[figure] - limit for figure, limit in limits.items())


def harm(drops: Iterable[FigureDrop], limits: Mapping[Figure, float]) -> float:
    """Returns the largest loss in shares of its limit, less one standard error; 0 where none is seen."""
    shares = [
        (drop.points - (drop.standard_error or 0.0)) / max(limits[drop.figure], _LEAST_SHARE)
        for drop in drops
        if drop.figure in limits
    ]
    return max(0.0, *shares) if shares else 0.0


def loss(drops: Iterable[FigureDrop], limits: Mapping[Figure, float]) -> float:
    """Returns the largest loss in shares of its limit, as it was measured; 0 where nothing was."""
    shares = [drop.points / max(limits[drop.figure], _LEAST_SHARE) for drop in drops if drop.figure in limits]
    return max(shares, default=0.0)


def told(drops: Iterable[FigureDrop], limits: Mapping[Figure, float], t: float) -> str:
    """Writes losses beside their limits, as in "PQ 1.31, at most 1.82 with 95 % (limit 1)"."""
    return ", ".join(
        f"{TITLES[drop.figure]} {drop.points:+.2f}, {bound(drop, t)} (limit {limits[drop.figure]:g})"
        for drop in drops
        if drop.figure in limits
    )


def bound(drop: FigureDrop, t: float) -> str:
    """Says how sure a loss is, as in "at most +1.82 with 95 %"; the worst image is that of these only."""
    if drop.standard_error is None:
        return "error unknown"
    return "on these images" if drop.figure in WORST else f"at most {drop.upper(t):+.2f} with 95 %"
