"""The times of frames, from timestamps that may be missing, repeated or broken."""

from __future__ import annotations

from fractions import Fraction

LONGEST_GAP_S = 8 * 3600
"""A longer jump is no pause but a broken clock."""


class Clock:
    """Turns timestamps into strictly rising seconds from 0, one frame after another.

    A timestamp above the time of the frame before it is taken as it is, so variable rates stay. Else:

    - one that is missing, repeated or stands out between its neighbours is placed between them, not
      later than one mean period after the frame before it;
    - where the clock goes back and stays there, or jumps by more than 8 hours, it has been set anew: the
      frame follows one mean period after the one before it, and later ones keep their distance to it;
    - where there are no timestamps at all, frames follow at the mean rate.

    Args:
        period_s: Mean seconds between frames, by the declared rate.
    """

    def __init__(self, period_s: Fraction) -> None:
        self._period_s = period_s
        self._offset_s: Fraction | None = None
        """Added to timestamps; None until there was one."""
        self._last_s: Fraction | None = None

    def time_s(self, stamp_s: Fraction | None, next_stamp_s: Fraction | None) -> Fraction:
        """Returns the time of the next frame.

        Args:
            stamp_s: Its timestamp; None if it has none.
            next_stamp_s: That of the frame behind it; None if it has none or there is no such frame.
        """
        if self._last_s is None:
            self._last_s = Fraction(0)
            self._offset_s = None if stamp_s is None else -stamp_s
        else:
            self._last_s = self._following(self._last_s, stamp_s, next_stamp_s)
        return self._last_s

    def _following(self, last_s: Fraction, stamp_s: Fraction | None, next_s: Fraction | None) -> Fraction:
        here_s, next_s = self._after(last_s, stamp_s), self._after(last_s, next_s)
        if here_s is not None and (next_s is None or here_s <= next_s):
            return here_s
        if next_s is not None:
            return last_s + min(self._period_s, (next_s - last_s) / 2)
        if stamp_s is not None:
            self._offset_s = last_s + self._period_s - stamp_s
        return last_s + self._period_s

    def _after(self, last_s: Fraction, stamp_s: Fraction | None) -> Fraction | None:
        """Returns the time that a timestamp means; None if that cannot follow the last one."""
        if stamp_s is None or self._offset_s is None:
            return None
        time_s = stamp_s + self._offset_s
        return time_s if last_s < time_s <= last_s + LONGEST_GAP_S else None
