"""What every reader of a data set gives: frames, and the masks that people drew on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from rapsam.data.sources.faults import DataSetError
from rapsam.tasks.arrays import Indices, Masks, Pixels
from rapsam.tasks.labels import LabelSet


class AnnotatedClip(NamedTuple):
    """An image, or some frames of a video, with its segments.

    Attributes:
        name: Path of the image, or folder of the video, as the data set writes it.
        key: Id of the image or video in the data set, for result files.
        frames: (T, h, w, 3) uint8 RGB; T is 1 for an image.
        masks: (N, T, h, w) bool, one per thing or stuff region; a thing keeps its place through the
            frames. A pixel in no mask is void. All false in a frame where the object is not seen.
        classes: (N,) int64 index into the source's label set.
        crowd: (N,) bool, regions of many objects that nobody separated.
        ids: (N,) int64 id of each segment in the file.
        faults: What is wrong with annotations that were left out; the others are here.
    """

    name: str
    key: int
    frames: Pixels
    masks: Masks
    classes: Indices
    crowd: npt.NDArray[np.bool_]
    ids: Indices
    faults: tuple[DataSetError, ...] = ()

    def with_segments(self, kept: npt.NDArray[np.bool_]) -> Self:
        """Leaves out the segments where (N,) `kept` is false; their pixels become void."""
        if kept.all():
            return self  # masks are large, and to index them is to copy
        return self._replace(
            masks=self.masks[kept], classes=self.classes[kept], crowd=self.crowd[kept], ids=self.ids[kept]
        )


class AnnotatedSource(Protocol):
    """A data set that was opened: its lists are in memory, its images are read one by one.

    Attributes:
        name: As in reports.
        label_set: Its classes, things before stuff.
    """

    name: str
    label_set: LabelSet

    def __len__(self) -> int:
        """Number of images or videos."""
        ...

    def num_frames(self, index: int) -> int:
        """Frames of a video; 1 for an image."""
        ...

    def read(self, index: int, frames: Sequence[int] | None = None) -> AnnotatedClip:
        """Reads an image, or the named frames of a video (all of them without names).

        An annotation that is faulty is left out and told in `AnnotatedClip.faults`.

        Raises:
            InputError: If a file is missing or damaged or does not fit its entry; the message names the
                file and the field.
        """
        ...


@runtime_checkable
class BareSource(Protocol):
    """A source that reads an image without its segments in much less time."""

    def read_bare(self, index: int) -> AnnotatedClip:
        """Reads an image as `AnnotatedSource.read` does, with no segment and no fault of any."""
        ...


def bare_clip(source: AnnotatedSource, index: int) -> AnnotatedClip:
    """Reads an image whose segments nobody asks for: without them, if the source can.

    Raises:
        InputError: As `AnnotatedSource.read`.
    """
    return source.read_bare(index) if isinstance(source, BareSource) else source.read(index)


def clip_of_none(name: str, key: int, image: Pixels) -> AnnotatedClip:
    """Makes the clip of an (h, w, 3) image without segments."""
    none = np.zeros(0, np.int64)
    return AnnotatedClip(
        name=name,
        key=key,
        frames=image[None],
        masks=np.zeros((0, 1, *image.shape[:2]), np.bool_),
        classes=none,
        crowd=none.astype(np.bool_),
        ids=none,
    )
