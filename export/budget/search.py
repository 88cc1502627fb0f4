"""The search for the parts that must stay float: few multiply-adds of them, and the budget holds.

What each part costs by itself ranks the parts; sums of such costs are not trusted. How many of the first must
stay is found by bisection over measured bundles, and what turns out not to be needed is given back. Each of
these steps is measured on images that ranked nothing, and counted: see `rapsam.export.budget.looks`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from rapsam.export.budget.limits import harm, loss
from rapsam.export.budget.looks import Looks
from rapsam.export.bundle.quantisation import Figure, FigureDrop
from rapsam.quantize.units import Unit

Drops = tuple[FigureDrop, ...]

SEEN_DB = 45.0
"""A part that leaves every output of its graph this much signal to noise costs nothing that masks show: 37 dB
were found to cost 0.9 points at one place, 24 dB nothing at another."""
SPLIT_SHARE = 0.5
"""A part is taken apart if its modules, each by itself, cost at least this share of its own cost."""


class Scored(NamedTuple):
    """What is lost on so many images."""

    images: int
    drops: Drops


Look = Callable[[Sequence[Unit], str], Scored]
"""Scores a bundle with these units in float as a whole; says what it is."""


class Measure(Protocol):
    """Scores bundles of which some parts stay float."""

    def everything(self) -> Scored:
        """Returns what is lost on all images if nothing stays float."""
        ...

    def whole(self, kept: Sequence[Unit]) -> Scored:
        """Returns what is lost if these units stay float, on images that no unit was scored on alone."""
        ...

    def noise(self, unit: Unit) -> float | None:
        """Returns signal to noise, in dB, of its graph's worst output if this unit alone has few bits.

        None where that cannot be told.
        """
        ...

    def alone(self, unit: Unit) -> Scored:
        """Returns what is lost if this unit alone has few bits, on the other images."""
        ...


class Cost(NamedTuple):
    """What few bits in one unit cost by themselves.

    Attributes:
        worst_db: See `Measure.noise`.
        images: So many were scored, 0 if the tensors show that it is not worth it.
        drops: What was lost on them.
    """

    worst_db: float | None
    images: int = 0
    drops: Drops = ()


class Outcome(NamedTuple):
    """What a search has found.

    Attributes:
        kept: Units that stay float.
        found: What is lost then.
        t: See `BudgetReport`.
        met: Whether the budget holds.
        costs: What was found of each unit, the costliest first; empty if everything in few bits holds it.
    """

    kept: tuple[Unit, ...]
    found: Scored
    t: float
    met: bool
    costs: tuple[tuple[Unit, Cost], ...]

    def without(self, graphs: Collection[str]) -> Outcome:
        """Leaves out what was found of these graphs."""
        kept = tuple(unit for unit in self.kept if unit.graph not in graphs)
        return self._replace(kept=kept, costs=tuple(e for e in self.costs if e[0].graph not in graphs))


def search(
    units: Sequence[Unit],
    limits: Mapping[Figure, float],
    measure: Measure,
    looks: Looks,
    progress: Callable[[str], None],
    before: Outcome | None = None,
) -> Outcome:
    """Searches for units that must stay float; at least one has few bits in the end.

    Args:
        units: All that could have few bits.
        limits: Points that may be lost, by figure.
        measure: Scores bundles; the same question has the same answer.
        looks: At bundles, with these limits; fewer are left afterwards.
        progress: Gets a line per step.
        before: Of a search before graphs got other forms, without their units: what it kept is tried first.

    Raises:
        BudgetError: If no look is left.
    """

    def look(kept: Sequence[Unit], what: str) -> Scored:
        progress(f"budget: {what}")
        looks.take()
        return measure.whole(kept)

    if before is None:
        progress("budget: everything in few bits")
        looks.take()
        found = measure.everything()
        first = Outcome((), found, looks.t, looks.hold(found.drops), ())
    else:
        found = look(before.kept, "the same parts in float, with graphs in other forms")
        first = before._replace(found=found, t=looks.t, met=looks.hold(found.drops))
    if first.met or len(units) < 2:
        return first
    # What is too quiet to be scored at first may be what decides under a narrow budget.
    for seen_db in (SEEN_DB, math.inf):
        costs = _ranked(_costs(units, limits, measure, seen_db, progress), limits)
        best = _fewest_of([unit for unit, _ in costs], (first.kept, first.found), looks, look)
        if looks.hold(best[1].drops):
            return Outcome(*_without_the_needless(*best, looks, look), looks.t, met=True, costs=costs)
        if all(cost.images for _, cost in costs):
            break
    return Outcome(*best, looks.t, met=False, costs=costs)


def _costs(
    units: Sequence[Unit],
    limits: Mapping[Figure, float],
    measure: Measure,
    seen_db: float,
    progress: Callable[[str], None],
) -> list[tuple[Unit, Cost]]:
    """Measures each unit by itself, and the modules of those that cost something."""
    costs: list[tuple[Unit, Cost]] = []
    for number, unit in enumerate(units, start=1):
        progress(f"budget: what {unit.name} costs by itself, part {number} of {len(units)}")
        cost = _cost(unit, measure, seen_db)
        modules = unit.split()
        if len(modules) > 1 and harm(cost.drops, limits) > 0:
            progress(f"budget: which of the {len(modules)} modules of {unit.name} cost that")
            singles = [(module, _cost(module, measure, seen_db)) for module in modules]
            if sum(harm(each.drops, limits) for _, each in singles) >= SPLIT_SHARE * harm(cost.drops, limits):
                costs += singles
                continue
        costs.append((unit, cost))
    return costs


def _cost(unit: Unit, measure: Measure, seen_db: float) -> Cost:
    noise = measure.noise(unit)
    if noise is not None and noise >= seen_db:
        return Cost(noise)
    return Cost(noise, *measure.alone(unit))


def _ranked(
    costs: Sequence[tuple[Unit, Cost]], limits: Mapping[Figure, float]
) -> tuple[tuple[Unit, Cost], ...]:
    """Sorts by what is saved per multiply-add that stays float; then by the tensors.

    The one that costs least, however large it is, comes last: with all others in float, the least is lost.
    """

    def gain(entry: tuple[Unit, Cost]) -> tuple[float, float]:
        unit, cost = entry
        return harm(cost.drops, limits) / max(unit.total_macs, 1), -_noise(cost)

    last = min(costs, key=lambda entry: (loss(entry[1].drops, limits), -_noise(entry[1])))
    others = [entry for entry in costs if entry is not last]
    return (*sorted(others, key=gain, reverse=True), last)


def _noise(cost: Cost) -> float:
    return -math.inf if cost.worst_db is None else cost.worst_db


def _fewest_of(
    order: Sequence[Unit], first: tuple[tuple[Unit, ...], Scored], looks: Looks, look: Look
) -> tuple[tuple[Unit, ...], Scored]:
    """Finds by bisection how many of the first must stay; returns the best that was seen if none suffice."""
    low, high = 0, len(order) - 1
    found = look(order[:high], f"all but {order[-1].name} in float")
    if not looks.hold(found.drops):
        return min((first, (tuple(order[:high]), found)), key=lambda each: looks.excess(each[1].drops))
    while high - low > 1 and looks.left:
        middle = (low + high) // 2
        scored = look(order[:middle], f"the {middle} costliest of {len(order)} parts in float")
        if looks.hold(scored.drops):
            high, found = middle, scored
        else:
            low = middle
    return tuple(order[:high]), found


def _without_the_needless(
    kept: tuple[Unit, ...], found: Scored, looks: Looks, look: Look
) -> tuple[tuple[Unit, ...], Scored]:
    """Gives units back, those with most multiply-adds first, as long as the budget holds.

    Some looks are kept, in case the clock changes the forms of graphs.
    """
    needed = list(kept)
    for unit in sorted(kept, key=lambda each: each.total_macs, reverse=True)[: looks.left // 2]:
        rest = [each for each in needed if each is not unit]
        scored = look(rest, f"without {unit.name} in float")
        if looks.hold(scored.drops):
            needed, found = rest, scored
    return tuple(needed), found
