"""Figures for people; what is not known is called unknown."""

from __future__ import annotations

UNKNOWN = "unknown"
_WHOLE_FROM = 100
_MOST_DB = 1e4
_LEAST_SHARE, _SMALL = 0.0001, 0.01


def milliseconds(value: float | None) -> str:
    """Returns "12.3 ms"."""
    return UNKNOWN if value is None else f"{bare(value)} ms"


def decibels(value: float | None) -> str:
    """Returns "40.1 dB"."""
    if value is None:
        return UNKNOWN
    return f"{value:.1f} dB" if abs(value) < _MOST_DB else f"{value:.3g} dB"


def percent(value: float | None) -> str:
    """Returns a share from 0 to 1 as "12.3%"; more than nothing is never 0%, less than all never 100%."""
    if value is None:
        return UNKNOWN
    if value in (0, 1):
        return f"{value:.0%}"
    if value < _LEAST_SHARE:
        return f"under {_LEAST_SHARE:.2%}"
    if value > 1 - _LEAST_SHARE:
        return f"over {1 - _LEAST_SHARE:.2%}"
    return f"{value:.1%}" if _SMALL <= value <= 1 - _SMALL else f"{value:.2%}"


def megabytes(size_bytes: int | None) -> str:
    """Returns "12.3 MB" (10^6 bytes), of small sizes "1.2 kB"."""
    if size_bytes is None:
        return UNKNOWN
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 100_000 else f"{size_bytes / 1e3:.1f} kB"


def asked(ratio: float, limit: float | None) -> str:
    """Returns the largest ratio that was asked for, as "<= 1.1: holds" or "falls short"; "-" without one."""
    if limit is None:
        return "-"
    return f"<= {limit:g}: {'holds' if holds(ratio, limit) else 'falls short'}"


def holds(ratio: float, limit: float | None) -> bool:
    """Tells whether a ratio is no larger than what was asked for, if anything was."""
    return limit is None or ratio <= limit


def counted(number: int, thing: str) -> str:
    """Returns "1 run", "2 runs"."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def count(value: float | None) -> str:
    """Returns a number with a comma at every thousand."""
    return UNKNOWN if value is None else f"{value:,}"


def text(value: str | None) -> str:
    """Returns the text, if there is one."""
    return value or UNKNOWN


def bare(value: float) -> str:
    """Returns a number with three digits, as many as a time has that can be measured again."""
    return f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else f"{value:.3g}"
