"""One input of the fuzzer: files in a folder of their own, and the command line that meets them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

INPUTS, OUT, WORK = "in", "out", "work"
"""Folders of a case: what is read, where results may appear, and where the command runs."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One hostile input.

    Attributes:
        arguments: What follows `rapsam` on the command line.
        note: What was done to the input, for whoever reads a failure.
        may_work: Whether the command may rightly work longer than the time limit.
        may_miss: Whether exit code 1, "a gate is missed", is a result of this verb.
        may_keep: Whether a refusal may leave results: of other inputs, or to go on from.
        may_change: Whether the command is told to write where it reads.
    """

    arguments: tuple[str, ...]
    note: str
    may_work: bool = False
    may_miss: bool = False
    may_keep: bool = False
    may_change: bool = False


@dataclass(frozen=True)
class Material:
    """Sound files that the hostile ones are made from, and the way out of the machine that none may take.

    Attributes:
        folder: Holds `bundle`, `photo.png`, and `sets` with one small data set of every kind.
        port: A local port on which nobody may ever call.
    """

    folder: Path
    port: int

    @property
    def bundle(self) -> Path:
        return self.folder / "bundle"

    @property
    def photo(self) -> Path:
        return self.folder / "photo.png"


Maker = Callable[[random.Random, Path, Material], Case]
"""Writes the files of a case below a new folder and says which command shall meet them."""


def case_random(kind: str, seed: int, number: int, attempt: int = 0) -> random.Random:
    """Makes the random numbers of one case, the same on every machine."""
    return random.Random(f"{kind}/{seed}/{number}/{attempt}")
