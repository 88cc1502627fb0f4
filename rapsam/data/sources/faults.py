"""What can be wrong with the files of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

from rapsam.errors import InputError

Made = TypeVar("Made")

FaultKind = Literal[
    "missing file",
    "damaged file",
    "unsafe file name",
    "wrong size",
    "undecided orientation",
    "unknown category",
    "repeated id",
    "invalid id",
    "invalid entry",
    "no annotation",
    "stray annotation",
    "wrong number of masks",
    "invalid outline",
    "pixels of no segment",
    "segment without pixels",
    "too large",
]

SEEN_IN_PIXELS: tuple[FaultKind, ...] = ("pixels of no segment", "segment without pixels")
"""Faults of annotations that only their masks tell."""


class DataSetError(InputError):
    """Something wrong with one annotation, image or video of a data set; the others may be fine.

    Raised, it makes the image or video unusable; in a list it is what was left out of one that is used.

    Attributes:
        kind: By which faults are counted.
    """

    def __init__(self, kind: FaultKind, message: str) -> None:
        # Both go to the base class, so that the error survives the way out of a worker process.
        super().__init__(kind, message)
        self.kind = kind

    def __str__(self) -> str:
        return str(self.args[1])


def split_faulty(
    places: Iterable[int], make: Callable[[int], Made]
) -> tuple[list[tuple[int, Made]], list[DataSetError]]:
    """Makes something of each of many annotations.

    Args:
        places: Of the annotations in their list.
        make: Makes it of one; raises `DataSetError` if the annotation is faulty.

    Returns:
        Place and what was made of each that is whole, and the faults of the others.
    """
    made, faults = [], []
    for place in places:
        try:
            made.append((place, make(place)))
        except DataSetError as fault:
            faults.append(fault)
    return made, faults
