"""Which operators of ML programs the Neural Engine computes, by our own list with its sources."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import Annotated, Literal

import msgspec

Positive = Annotated[int, msgspec.Meta(ge=1)]


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Limits(_Record, frozen=True, kw_only=True):
    """Sizes beyond which no source, or no source for the oldest chip, has an operator on the engine.

    Attributes:
        max_axis: Longest of the last two axes of any input or output.
        max_rank: Highest rank.
        max_kernel: Largest side of a convolution's or a pool's kernel.
        max_upsampling: Largest factor of an upsampling.
    """

    max_axis: Positive
    max_rank: Positive
    max_kernel: Positive
    max_upsampling: Positive


class Outside(_Record, frozen=True, kw_only=True):
    """An operator that does not count: said to be elsewhere, contradictory, or unknown; and by whom."""

    verdict: Literal["cpu", "contradictory", "unknown"]
    sources: tuple[str, ...]


class EngineList(_Record, frozen=True, kw_only=True):
    """The list.

    Attributes:
        limits: Sizes.
        sources: Addresses by name.
        engine: Operators on the engine, each with the names of the sources that say so.
        outside: Operators that do not count.
    """

    limits: Limits
    sources: dict[str, str]
    engine: dict[str, tuple[str, ...]]
    outside: dict[str, Outside]


@functools.cache
def engine_list() -> EngineList:
    """Reads the list that comes with the package."""
    text = resources.files("rapsam.export.backends.coreml").joinpath("neural_engine.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), EngineList)
