"""Masks in little memory: the runs inside of the box around them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rapsam.tasks.arrays import Masks
from rapsam.tasks.geometry import Size


class RunMask(NamedTuple):
    """A mask of an image.

    Attributes:
        size: Height and width of the image.
        box: x1, y1, x2, y2 around it, ends exclusive; zeros for an empty mask.
        starts: int32 places in the box, column by column, where the value changes; the first run is outside.
        area: Pixels inside.
    """

    size: Size
    box: tuple[int, int, int, int]
    starts: npt.NDArray[np.int32]
    area: int

    @classmethod
    def of(cls, mask: Masks) -> RunMask:
        """Packs an (h, w) bool mask."""
        size = (mask.shape[0], mask.shape[1])
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return cls(size, (0, 0, 0, 0), np.zeros(0, np.int32), 0)
        x1, y1, x2, y2 = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
        inside = mask[y1:y2, x1:x2].ravel(order="F")
        starts = np.flatnonzero(np.diff(inside, prepend=np.False_)).astype(np.int32)
        return cls(size, (x1, y1, x2, y2), starts, int(np.count_nonzero(inside)))

    def mask(self) -> Masks:
        """Unpacks to (h, w) bool."""
        x1, y1, x2, y2 = self.box
        changes = np.zeros((y2 - y1) * (x2 - x1), np.bool_)
        changes[self.starts] = True
        mask = np.zeros(self.size, np.bool_)
        inside = np.logical_xor.accumulate(changes)
        mask[y1:y2, x1:x2] = inside.reshape((y2 - y1, x2 - x1), order="F")
        return mask

    def moved(self, size: Size, x: int, y: int) -> RunMask:
        """Returns the mask in a larger image, in which its own image begins at x, y."""
        x1, y1, x2, y2 = self.box
        box = (x1 + x, y1 + y, x2 + x, y2 + y) if self.area else self.box
        return self._replace(size=size, box=box)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.starts.nbytes
