"""Which pixels annotations describe where a file has an EXIF orientation: the stored or the displayed ones.

`rapsam predict` turns photographs upright by their tag, as viewers do. Annotations drawn in a viewer
describe the displayed picture, those made by programs that ignore the tag the stored one. Where a quarter
turn swaps the sides, the size that the annotation file states tells which; a half turn, a mirrored or a
square picture has one size either way. Such a file follows the others of its data set.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Protocol

from PIL import Image

from rapsam.data.orientation import (
    EXIF_ORIENTATIONS,
    UPRIGHT,
    Orientation,
    image_orientation,
    stored_size,
    turned_by_loading,
)
from rapsam.data.sources.faults import DataSetError
from rapsam.errors import InputError, unknown_name
from rapsam.tasks.geometry import Size

_NOTES = (b"Exif\0", b"http://ns.adobe.com/xap/")
_JPEG_START, _JPEG_APP1, _JPEG_SCAN = b"\xff\xd8", 0xE1, 0xDA
_JPEG_SEGMENTS = (0xC0, 0xFE)
_MOST_SEGMENTS = 1_000


class Described(Enum):
    """The pixels that annotations describe."""

    STORED = "stored"
    DISPLAYED = "displayed"


class Picture(Protocol):
    """An image file of a data set."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def size(self) -> Size:
        """Height and width that its annotations state.

        Raises:
            DataSetError: If they have to be read for it, and cannot be.
        """
        ...


class StatedImage(NamedTuple):
    """An image file and the height and width that the annotation file states."""

    path: Path
    size: Size


class Surveyed(NamedTuple):
    """What the orientation tags of a data set say.

    Attributes:
        followed: Files with a tag whose sizes tell what is described, by that.
        undecided: Files with a tag whose sizes tell nothing.
        first_stored: The first file that viewers show turned against its annotation.
        first_undecided: The first file that the sizes do not decide.
    """

    followed: Counter[Described]
    undecided: int
    first_stored: Path | None
    first_undecided: Path | None

    def described(self) -> Described | None:
        """Returns what the whole data set describes; None if no file tells, or two files contradict."""
        return next(iter(self.followed)) if len(self.followed) == 1 else None


def described_named(name: str | None) -> Described | None:
    """Reads what a user chose; None leaves it to the sizes.

    Raises:
        InputError: If it is neither "stored" nor "displayed".
    """
    names = {entry.value: entry for entry in Described}
    if name is not None and name not in names:
        raise unknown_name("orientation", name, names)
    return None if name is None else names[name]


def described_by_size(orientation: Orientation, stored: Size, stated: Size) -> Described | None:
    """Returns what the stated size tells of a file with this tag; None if it tells nothing."""
    if not orientation.transposed or stored[0] == stored[1]:
        return None
    if stated == stored:
        return Described.STORED
    return Described.DISPLAYED if stated == stored[::-1] else None


def turn_of(
    orientation: Orientation, stored: Size, path: Path, stated: Size, described: Described | None
) -> Orientation:
    """Returns how to turn the stored pixels of an image into those that its annotation describes.

    Args:
        orientation: By the tag of the file.
        stored: Height and width of the stored pixels.
        path: The file, for messages.
        stated: Height and width in the annotation file.
        described: What its data set describes, where its own size does not tell; None if nobody knows.

    Raises:
        DataSetError: If the file has a tag, its size does not tell, and nobody knows.
    """
    if orientation == UPRIGHT:
        return UPRIGHT
    chosen = described_by_size(orientation, stored, stated) or described
    if chosen is None:
        number = next(number for number, known in EXIF_ORIENTATIONS.items() if known == orientation)
        raise DataSetError("undecided orientation", _undecided(path, f"EXIF orientation {number}"))
    return orientation if chosen is Described.DISPLAYED else UPRIGHT


def survey(images: Iterator[Picture], formats: tuple[str, ...]) -> Surveyed:
    """Looks at the orientation tags of a data set; reads headers only, and passes over broken files.

    The stated size is asked for only where there is a tag.
    """
    followed: Counter[Described] = Counter()
    first: dict[Described | None, Path] = {}
    undecided = 0
    for image in images:
        path = image.path
        tag = _tag(path, formats)
        if tag is None or tag[0] == UPRIGHT:
            continue
        try:
            stated = image.size
        except DataSetError:
            continue  # reading refuses it
        found = described_by_size(*tag, stated)
        if found is None and set(stated) != set(tag[1]):
            continue  # another size altogether, which reading refuses
        first.setdefault(found, path)
        if found is None:
            undecided += 1
        else:
            followed[found] += 1
    return Surveyed(followed, undecided, first.get(Described.STORED), first.get(None))


def check_decided(surveyed: Surveyed) -> Described | None:
    """Returns what a data set describes; None if no file needs to know.

    Raises:
        InputError: If some file has a tag and nothing tells whether its annotation follows it.
    """
    described = surveyed.described()
    if described is None and surveyed.first_undecided is not None:
        raise InputError(_undecided(surveyed.first_undecided, "an EXIF orientation"))
    return described


def _undecided(path: Path, tag: str) -> str:
    return (
        f"{path} has {tag}, and neither its size nor another file of the data set tells whether annotations "
        "follow the stored pixels or the displayed picture; say which: --orientation stored or --orientation "
        "displayed, in a recipe orientation of the source"
    )


def _tag(path: Path, formats: tuple[str, ...]) -> tuple[Orientation, Size] | None:
    """Reads orientation and stored height and width from a file's header; None if there is no tag."""
    try:
        if not path.is_file() or _is_jpeg_without_note(path):
            return None
        with Image.open(path, formats=formats) as image:
            turned = turned_by_loading(image)
            return image_orientation(image) if turned == UPRIGHT else turned, stored_size(image)
    # What is wrong with the file is told when it is read.
    except Exception:
        return None


def _is_jpeg_without_note(path: Path) -> bool:
    """Tells it by the heads of the segments alone, for data sets have 100,000 images, few with a note."""
    with path.open("rb") as stream:
        if stream.read(2) != _JPEG_START:
            return False
        for _ in range(_MOST_SEGMENTS):
            mark, kind, length = struct.unpack(">BBH", stream.read(4))
            if kind == _JPEG_SCAN:
                return True
            low, high = _JPEG_SEGMENTS
            if mark != 0xFF or not low <= kind <= high or length < 2:
                return False  # of an odd form, which a parser may still understand
            start = stream.tell()
            if kind == _JPEG_APP1 and stream.read(max(map(len, _NOTES))).startswith(_NOTES):
                return False
            stream.seek(start + length - 2)
    return False
