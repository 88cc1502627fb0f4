"""What every accumulator of a metric can do besides taking images or videos: stop, go on, be joined."""

from __future__ import annotations

from typing import Annotated, Protocol, TypeVar

import msgspec

from rapsam.errors import InputError

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A count of a saved state; above, float64 could not hold it."""
Sum = Annotated[float, msgspec.Meta(ge=0, le=2**53)]
"""A sum of a saved state, of numbers 0..1."""

StateT = TypeVar("StateT", bound=msgspec.Struct)
ResultT = TypeVar("ResultT", bound=msgspec.Struct, covariant=True)


class Accumulator(Protocol[StateT, ResultT]):
    """Counts of a metric over images or videos that come one by one; it keeps no images.

    To go on after an interruption, write `state()` with msgspec, later make a new accumulator with the
    same arguments and give it to `merge`. Parts that were counted apart are joined in the same way.
    """

    def result(self) -> ResultT:
        """Computes the metric of all that was taken so far; NaN where nothing was compared."""
        ...

    def state(self) -> StateT:
        """Returns all counts as a record; its numbers are finite."""
        ...

    def merge(self, state: StateT) -> None:
        """Adds what another accumulator had counted.

        Raises:
            InputError: If it counted other classes or in another way.
        """
        ...


def check_state(what: str, found: object, expected: object) -> None:
    """Refuses a state of another evaluation.

    Args:
        what: What the two values are, as in "classes".
        found: Value of the state.
        expected: Value of the accumulator.

    Raises:
        InputError: If the values differ.
    """
    if found != expected:
        raise InputError(
            f"saved counts have {found} {what}, expected {expected}; they belong to another evaluation or "
            "are damaged: begin anew"
        )
