"""Tubes: what the masks of an object cover in a whole video, as run lengths."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pycocotools import mask as coco_mask

from rapsam.errors import InputError
from rapsam.metrics.judge_detections import RunLengths
from rapsam.tasks.arrays import Indices, Masks

_MAX_PIXELS = 2**32
"""pycocotools counts pixels with 32 bits."""


class TubeRecorder:
    """Takes the frames of a video one by one and keeps run lengths only.

    A tube is a mask with one column per frame, which holds the pixels of the frame and one more that is
    never set and keeps frames apart. So the IoU of such masks is the IoU of tubes of YouTube-VIS: the
    intersections of all frames together over the unions of all frames together.
    """

    def __init__(self) -> None:
        self._frames = 0
        self._size: tuple[int, ...] | None = None
        self._edges: dict[int, list[Indices]] = {}

    def add(self, masks: Masks, tubes: Iterable[int]) -> None:
        """Takes the masks of the next frame.

        Args:
            masks: (n, h, w) bool.
            tubes: n numbers of the tubes that they belong to, each once.

        Raises:
            InputError: If the size differs from that of the frames before, or the video has too many
                pixels.
        """
        self._size = self._size or masks.shape[1:]
        start = self._frames * self._column
        if masks.shape[1:] != self._size:
            raise InputError(
                f"masks of frame {self._frames} are {list(masks.shape[1:])}, those before "
                f"{list(self._size)}; expected one size"
            )
        if start + self._column >= _MAX_PIXELS:
            raise InputError(f"video has more than {self._frames} frames of {list(self._size)}; cut it")
        for tube, mask in zip(tubes, masks, strict=True):
            padded = np.zeros(self._column + 1, np.bool_)
            padded[1:-1] = mask.ravel()
            edges = np.flatnonzero(padded[1:] != padded[:-1])
            self._edges.setdefault(tube, []).append(edges + start)
        self._frames += 1

    def tube(self, number: int) -> RunLengths:
        """Returns a tube; one that was never added is empty."""
        size = [self._column, self._frames]
        edges = np.concatenate([[0], *self._edges.get(number, []), [self._column * self._frames]])
        runs = np.diff(edges).astype(np.int64).tolist()
        return dict(coco_mask.frPyObjects({"size": size, "counts": runs}, *size))

    @property
    def _column(self) -> int:
        height, width = self._size or (0, 0)
        return height * width + 1
