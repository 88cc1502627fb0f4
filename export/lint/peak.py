"""How much is alive at a time, of anything that is computed step by step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple


class Step(NamedTuple):
    """What makes something that takes memory.

    Attributes:
        key: Of what it makes.
        size_bytes: Of that.
        reads: Keys of what it reads; those that no step makes take no part.
        shares: Key of what its result shares the memory of; None if it has memory of its own.
        given: Whether it is there from the start.
    """

    key: Hashable
    size_bytes: int
    reads: tuple[Hashable, ...] = ()
    shares: Hashable | None = None
    given: bool = False


class Peak(NamedTuple):
    """When most is alive.

    Attributes:
        size_bytes: What is alive there.
        at: Number of the step; None if there is never more than at the start.
    """

    size_bytes: int
    at: int | None


def peak_of(steps: Sequence[Step]) -> Peak:
    """Follows results from where they are made to where they are last read.

    What a step reads and makes is alive together. What nobody reads is freed as soon as it is made.
    """
    holder = _holders(steps)
    sizes = {step.key: step.size_bytes for step in steps if holder[step.key] == step.key}
    last: dict[Hashable, int] = {}
    for place, step in enumerate(steps):
        last.update((holder[key], place) for key in (step.key, *step.reads) if key in holder)
    ends: dict[int, list[Hashable]] = defaultdict(list)
    for key, place in last.items():
        ends[place].append(key)
    alive = sum(step.size_bytes for step in steps if step.given)
    peak = Peak(alive, None)
    for place, step in enumerate(steps):
        if not step.given:
            alive += sizes.get(step.key, 0)
        if alive > peak.size_bytes:
            peak = Peak(alive, place)
        alive -= sum(sizes[key] for key in ends[place])
    return peak


def _holders(steps: Sequence[Step]) -> dict[Hashable, Hashable]:
    """Finds for each result the one whose memory holds it."""
    holder: dict[Hashable, Hashable] = {}
    for step in steps:
        holder[step.key] = step.key if step.shares is None else holder.get(step.shares, step.key)
    return holder
