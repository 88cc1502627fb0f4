"""Which samples and annotations a run could not use, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rapsam.errors import printable

SKIPPED_NAME = "skipped.txt"
_MOST_BYTES = 10_000_000


class SkippedFile:
    """A text file of the run, one per process, that names what could not be used; at 10 MB it is full.

    Args:
        run: Folder of the run.
        rank: Of this process.
    """

    def __init__(self, run: Path, rank: int) -> None:
        self._path = run / (SKIPPED_NAME if rank == 0 else f"skipped-{rank}.txt")
        self._named: set[str] = set()
        if self._path.is_file():
            with self._path.open(encoding="utf-8", errors="replace") as stream:
                lines = stream.read(_MOST_BYTES).splitlines()
            self._named = {line.partition(": ")[2] for line in lines}

    def note(self, step: int, faults: Sequence[str], left_out: Sequence[str]) -> None:
        """Appends lines.

        Args:
            step: In which it happened. Steps that are done again after a crash write their faults again.
            faults: Samples that could not be used, each time.
            left_out: Faulty annotations; each is named once in a run.
        """
        named = dict.fromkeys(printable(line) for line in left_out)
        new = [line for line in named if line not in self._named]
        lines = [*map(printable, faults), *new]
        if not lines:
            return
        with self._path.open("a", encoding="utf-8") as stream:
            if stream.tell() < _MOST_BYTES:
                stream.writelines(f"step {step}: {line}\n" for line in lines)
                self._named.update(new)
