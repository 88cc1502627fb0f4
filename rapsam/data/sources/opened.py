"""What `rapsam data check` asks of a reader, beyond what training and evaluation need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rapsam.data.sources.annotated import AnnotatedSource
from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.orientation import Described, Picture
from rapsam.errors import InputError

Value = TypeVar("Value", bound=np.generic)


class Contents(NamedTuple):
    """How much a data set holds.

    Attributes:
        images: Images, or frames of all videos.
        videos: 0 for a data set of images.
        segments: Things and stuff regions; one in many frames of a video counts once.
    """

    images: int
    videos: int
    segments: int


class OpenedSource(AnnotatedSource, Protocol):
    """A reader of one annotation file; its faults can be told one by one.

    Attributes:
        described: The pixels that annotations describe, for files with an EXIF orientation whose sizes do
            not tell; None while nobody has said.
    """

    described: Described | None

    def contents(self) -> Contents:
        """Counts what the annotation file lists."""
        ...

    def files(self, index: int, frames: Sequence[int] | None = None) -> list[Path]:
        """Names the files that `read` opens, which may not exist.

        Raises:
            DataSetError: If a name leads out of the data set, or an image has no mask file.
        """
        ...

    def pictures(self) -> Iterator[Picture]:
        """Names all images or frames with their sizes in the annotation file; unsafe names are left out."""
        ...

    def check(self, index: int) -> list[DataSetError]:
        """Compares the entries of an image or video with each other; opens no file but that of annotations.

        Returns:
            The faults of annotations that `read` leaves out, as far as the entries tell.

        Raises:
            DataSetError: If the image or video cannot be used; `read` would raise the same.
        """
        ...

    def has_annotations(self) -> bool:
        """Tells whether any annotation belongs to an image or video that the file lists.

        Raises:
            DataSetError: If none does, and annotations that lie in files of their own could not be read.
        """
        ...

    def strays(self) -> Iterator[DataSetError]:
        """Yields annotations of images or videos that the file does not list; `read` passes over them."""
        ...


def checked_frames(name: str, count: int, frames: Sequence[int] | None) -> Sequence[int]:
    """Returns the frames to read: those that are named, or all.

    Raises:
        InputError: If none is named, or one that does not exist.
    """
    if frames is None:
        return range(count)
    if not frames or min(frames) < 0 or max(frames) >= count:
        raise InputError(f"frames {list(frames)} of {name}; expected at least one, each in 0..{count - 1}")
    return frames


def repeat_image(values: npt.NDArray[Value], count: int, axis: int) -> npt.NDArray[Value]:
    """Makes `count` frames of one along an axis; one stays what it is, as masks may fill half the memory."""
    return values if count == 1 else np.repeat(values, count, axis=axis)
