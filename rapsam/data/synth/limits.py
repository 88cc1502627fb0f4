"""Which worlds are drawn."""

from __future__ import annotations

from rapsam.data.synth.noise import Size
from rapsam.errors import InputError

MIN_SIDE, MAX_SIDE = 48, 2048


def check_world(seed: int, count: int, size: Size) -> None:
    """Raises `InputError` if a seed is negative, a count below 1, or a size too small or large."""
    if seed < 0:
        raise InputError(f"seed {seed}; expected 0 or more")
    if count < 1:
        raise InputError(f"{count} images, videos or frames; expected 1 or more")
    if min(size) < MIN_SIDE or max(size) > MAX_SIDE:
        raise InputError(
            f"size {size[0]}x{size[1]}; expected sides of {MIN_SIDE} to {MAX_SIDE} px: smaller things could "
            "not be named, larger pictures take long"
        )


def check_index(index: int, count: int) -> None:
    """Raises `IndexError` unless the index is one of 0 .. count - 1."""
    if not 0 <= index < count:
        raise IndexError(f"{index}; expected 0 to {count - 1}")
