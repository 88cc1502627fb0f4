"""From values to places on an axis, and the round values that are written beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_MOST_TICKS = 7
_FEWEST_TICKS = 3
_DIGITS = (
    (1,),
    (1, 3),
    (1, 2, 5),
    (1, 1.5, 2, 3, 5, 7),
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9),
)
"""First digits of the values on an axis of ratios, from few to many; the last suit a factor of two."""
_LEAST_RATIO = 2.0
"""A narrower range would make noise look like a difference."""
_MARGIN = 0.06
_LEAST_SPREAD = 1e-6


class Scale(NamedTuple):
    """An axis.

    Attributes:
        low: Value at its beginning.
        high: Value at its end.
        begin: Place of the beginning.
        end: Place of the end.
        is_log: Whether equal distances are equal ratios.
    """

    low: float
    high: float
    begin: float
    end: float
    is_log: bool

    def place(self, value: float) -> float:
        """Returns where a value is."""
        low, high, value = (
            map(math.log, (self.low, self.high, value)) if self.is_log else (self.low, self.high, value)
        )
        return self.begin + (value - low) / (high - low) * (self.end - self.begin)

    def ticks(self) -> list[float]:
        """Returns three to seven round values."""
        return _log_ticks(self.low, self.high) if self.is_log else _linear_ticks(self.low, self.high)


def log_scale(values: Iterable[float], begin: float, end: float) -> Scale:
    """Makes an axis of ratios that holds all values, which are above 0."""
    known = [value for value in values if value > 0] or [1.0]
    low, high = min(known), max(known)
    widen = max(math.sqrt(_LEAST_RATIO * low / high), (high / low) ** _MARGIN, 1.1)
    return Scale(low / widen, high * widen, begin, end, is_log=True)


def linear_scale(values: Iterable[float], begin: float, end: float, *, from_zero: bool) -> Scale:
    """Makes an axis of differences that holds all values."""
    known = list(values) or [0.0]
    low, high = min(known), max(known)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    spread = high - low
    # A spread that is next to nothing would leave no room for ticks between its ends.
    is_point = spread <= max(_LEAST_SPREAD, _LEAST_SPREAD * max(abs(low), abs(high)))
    room = 1.0 if is_point else spread * _MARGIN
    return Scale(low if from_zero and low == 0 else low - room, high + room, begin, end, is_log=False)


def _linear_ticks(low: float, high: float) -> list[float]:
    raw = (high - low) / _MOST_TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * digit for digit in (1, 2, 2.5, 5, 10) if power * digit >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(place * step, 12) for place in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    for digits in _DIGITS:
        found = [value for value in _round_values(low, digits) if low <= value <= high]
        if len(found) >= _FEWEST_TICKS:
            return found[:: -(-len(found) // _MOST_TICKS)]
    return found


def _round_values(low: float, digits: tuple[float, ...]) -> Iterator[float]:
    first = math.floor(math.log10(low))
    # Records hold times of up to 1e9 ms, down to a nanosecond.
    for exponent in range(first, first + 17):
        yield from (float(f"{digit * 10.0**exponent:.6g}") for digit in digits)
