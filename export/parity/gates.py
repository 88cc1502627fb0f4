"""A figure and its gate: reached, missed as rounding alone misses it, or missed by an error.

A missed gate is excused (benign) if three things hold: rounding alone does about the same to the reference,
something is left that rounding does not decide, and over that the gate is reached. A result that has nothing
in common with the reference has collapsed, unless a rounded run has nothing in common with it either.
"""

from __future__ import annotations

from collections.abc import Sequence

from rapsam.export.parity.report import Status

EXCUSED_FACTOR = 2.0
"""Rounding does about the same if its worst run misses the gate too, or has half of the artifact's error.

With the first alone, a faithful artifact whose chance of a miss is p would be refused with p (1 - p)^4: up to
once in 12 near the gate. The second is what `tensors.EXCUSED_DB` is for tensors.
"""


def under_gate(what: str, value: float, gate: float | None) -> str:
    """Says that a figure misses its gate; empty if it does not."""
    # "not at least" and not "less than": NaN must miss every gate.
    return f"{what} {value:.4f}, gate {gate}" if gate is not None and not value >= gate else ""


def excuse(
    reason: str, figure: float, gate: float, decided: float | None, rounded: Sequence[float]
) -> tuple[Status, str]:
    """Judges a figure that misses its gate.

    Args:
        reason: Says so, from `under_gate`.
        figure: Of the artifact, 0..1, 1 without any error.
        gate: What it must reach.
        decided: The same figure over what rounding does not decide; None if nothing is left.
        rounded: The same figure of every rounded run of the reference; without any, nothing is excused.

    Returns:
        "benign", "failed", or "not meaningful" where nothing is left to judge by, and the whole reason.
    """
    told = (
        "rounding decides all of it" if decided is None else f"{decided:.4f} where rounding does not decide"
    )
    worst = min(rounded, default=1.0)
    whole = f"{reason}; {told}; rounded at random, the reference has {worst:.4f} to itself"
    if figure == 0 and worst > 0:
        return "failed", f"collapsed: {whole}"
    if not (worst < gate or 1 - figure <= EXCUSED_FACTOR * (1 - worst)):
        return "failed", whole
    if decided is None:
        return "not meaningful", whole
    return "benign" if decided >= gate else "failed", whole


def worst_status(statuses: Sequence[Status]) -> Status:
    """Returns one verdict for several gates of one row: what means nothing is worse than what is benign."""
    order: tuple[Status, ...] = ("failed", "not meaningful", "benign", "passed")
    return next(status for status in order if status in statuses)
