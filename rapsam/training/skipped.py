"""Which samples a run could not use, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rapsam.errors import printable

SKIPPED_NAME = "skipped.txt"
_MOST_BYTES = 10_000_000


def note_skipped(run: Path, rank: int, step: int, lines: Sequence[str]) -> None:
    """Appends lines to a text file of the run, one file per process; at 10 MB it is full.

    Steps that are done again after a crash write theirs again.
    """
    path = run / (SKIPPED_NAME if rank == 0 else f"skipped-{rank}.txt")
    with path.open("a", encoding="utf-8") as stream:
        if stream.tell() < _MOST_BYTES:
            stream.writelines(f"step {step}: {printable(line)}\n" for line in lines)
