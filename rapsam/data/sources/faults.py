"""What can be wrong with the files of a data set."""

from __future__ import annotations

from typing import Literal

from rapsam.errors import InputError

FaultKind = Literal[
    "missing file",
    "damaged file",
    "unsafe file name",
    "wrong size",
    "unknown category",
    "repeated id",
    "invalid id",
    "no annotation",
    "stray annotation",
    "wrong number of masks",
    "invalid outline",
    "pixels of no segment",
    "segment without pixels",
    "too large",
]


class DataSetError(InputError):
    """Something that makes one image or video of a data set unusable; the others may be fine.

    Attributes:
        kind: By which faults are counted.
    """

    def __init__(self, kind: FaultKind, message: str) -> None:
        # Both go to the base class, so that the error survives the way out of a worker process.
        super().__init__(kind, message)
        self.kind = kind

    def __str__(self) -> str:
        return str(self.args[1])
