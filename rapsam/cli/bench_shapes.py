"""Shapes that a user gives for inputs of bare files, as in `--shape images=1x3x640x640`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapsam.errors import InputError, quoted

GivenShape = tuple[str, tuple[int, ...]]
_SHAPE = re.compile(r"[1-9][0-9]{0,8}(?:x[1-9][0-9]{0,8}){0,7}")
_MOST = 64
_EXPECTED = "expected the name of an input and its sides, as in --shape images=1x3x640x640"


def shapes_of(texts: Sequence[str]) -> tuple[GivenShape, ...]:
    """Reads shapes, in the order in which they were given.

    Args:
        texts: Each "NAME=1x3x640x640"; the name may hold "=" itself.

    Raises:
        InputError: If one is anything else, a name comes twice, or there are too many.
    """
    if len(texts) > _MOST:
        raise InputError(f"--shape is given {len(texts)} times; expected at most {_MOST}")
    found: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, _, sides = text.rpartition("=")
        if not name or not _SHAPE.fullmatch(sides):
            raise InputError(f"--shape {quoted(text)}; {_EXPECTED}")
        if name in found:
            raise InputError(
                f"--shape {quoted(text)}: the input {quoted(name)} has a shape already; give one"
            )
        found[name] = tuple(map(int, sides.split("x")))
    return tuple(found.items())
