"""SA-1B, as its owners publish it: https://ai.meta.com/datasets/segment-anything/."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from rapsam.data.coco_records import Number, Side
from rapsam.data.sources.annotated import AnnotatedClip, clip_of_none
from rapsam.data.sources.faults import DataSetError, split_faulty
from rapsam.data.sources.faulty_entries import Entries, FaultyEntries
from rapsam.data.sources.json_file import read_json, repeated
from rapsam.data.sources.opened import Contents, checked_frames, repeat_image
from rapsam.data.sources.orientation import Described, Picture
from rapsam.data.sources.outlines import Outline, check_outline, check_total, decode_outline, outline_mask
from rapsam.data.sources.sa1b_index import WHOLE, list_path, odd_names, open_index
from rapsam.data.sources.safe_path import path_below
from rapsam.data.sources.segment_masks import new_masks
from rapsam.data.sources.stored_pixels import read_annotated_image
from rapsam.errors import InputError
from rapsam.tasks.geometry import Size
from rapsam.tasks.labels import Label, LabelSet

LABELS = LabelSet(name="sa1b (1 class)", labels=(Label(name="region", is_thing=True, category_id=1),))
"""Its regions have no classes."""
_UNCOUNTED = -1
_MOST_BYTES = 128 * 1024**2
"""Of the annotations of one image, of which published ones have a thousandth part."""


class _Image(msgspec.Struct, frozen=True, kw_only=True):
    file_name: str
    height: Side
    width: Side


class _Region(msgspec.Struct, frozen=True, kw_only=True):
    """A region; its outline stays JSON until it is read."""

    id: Number
    segmentation: msgspec.Raw


class _Content(msgspec.Struct, frozen=True, kw_only=True):
    image: _Image
    annotations: tuple[_Region, ...]


class _Regions(NamedTuple):
    """What stands in the annotations of an image.

    Attributes:
        path: The JSON.
        size: Height and width of the image.
        regions: Its regions; in the place of a faulty one is something that could be decoded.
        faulty: What is wrong with them.
    """

    path: Path
    size: Size
    regions: tuple[_Region, ...]
    faulty: FaultyEntries

    def outlines(self) -> tuple[list[tuple[int, Outline]], list[DataSetError]]:
        """Returns place and outline of the regions that are whole, and what the others lack."""
        check_total((region.segmentation for region in self.regions), f"{self.path}: annotations")
        twice = repeated(
            region.id for place, region in enumerate(self.regions) if (place,) not in self.faulty
        )
        return split_faulty(range(len(self.regions)), lambda place: self._outline(place, twice))

    def field(self, place: int) -> str:
        """Says where the outline of a region stands."""
        return f"{self.path}: annotations[{place}].segmentation"

    def _outline(self, place: int, twice: set[int]) -> Outline:
        self.faulty.check(place)
        if (value := self.regions[place].id) in twice:
            raise DataSetError(
                "repeated id",
                f"{self.path}: annotations[{place}].id {value} stands in several annotations; expected one",
            )
        outline = decode_outline(self.regions[place].segmentation, self.field(place))
        check_outline(outline, self.size, self.field(place))
        return outline


class Sa1b:
    """sa_NUMBER.jpg, each with a sa_NUMBER.json beside it; regions of no class, which lie within each other.

    See `AnnotatedSource` and `OpenedSource`. "train" has all that lie in the folder; where a file
    {split}.txt lists images, one a line, a split has those, which may lie in folders below. Memory holds 14
    bytes for each image; the annotations of an image are read with it, and again whenever they are asked for.
    """

    def __init__(self, root: Path, split: str) -> None:
        """Opens a split.

        Raises:
            InputError: If it has no image, or its list is missing or damaged.
        """
        self.name, self.label_set = f"sa1b {split}", LABELS
        self.described: Described | None = None
        self._root, self._index = root, open_index(root, split)
        self._counts = np.full(len(self._index.numbers), _UNCOUNTED, np.int32)
        self._is_whole = split == WHOLE and not list_path(root, split).exists()

    def __len__(self) -> int:
        return len(self._index.numbers)

    def num_frames(self, index: int) -> int:  # noqa: ARG002 (the protocol's)
        """Returns 1: these are images."""
        return 1

    def contents(self) -> Contents:
        """Counts images and regions; reads the annotations that nobody has looked at yet."""
        for index in np.flatnonzero(self._counts == _UNCOUNTED):
            with suppress(DataSetError):
                self._counted(int(index))
        return Contents(images=len(self), videos=0, segments=int(self._counts.sum(dtype=np.int64)))

    def files(self, index: int, frames: Sequence[int] | None = None) -> list[Path]:  # noqa: ARG002
        """Names the image and its annotations."""
        stem, field = self._index.stem(index), f"{self.name}: image {index}"
        return [path_below(self._root, "", f"{stem}{suffix}", field) for suffix in (".jpg", ".json")]

    def pictures(self) -> Iterator[Picture]:
        """Names the images; the annotations of one are read when its size is asked for."""
        for index in range(len(self)):
            with suppress(DataSetError):
                yield _Pictured(self, index, self.files(index)[0])

    def check(self, index: int) -> list[DataSetError]:
        """Compares an image's entries; see `OpenedSource`."""
        return self._counted(index).outlines()[1]

    def has_annotations(self) -> bool:
        """Tells whether any image has a region; reads annotations until one has.

        Raises:
            DataSetError: If none has, and some could not be read.
        """
        first: DataSetError | None = None
        for index in range(len(self)):
            try:
                if self._counted(index).regions:
                    return True
            except DataSetError as fault:
                first = first or fault
        if first is not None:
            raise DataSetError(first.kind, f"{self.name}: no region could be read; the first fault: {first}")
        return False

    def strays(self) -> Iterator[DataSetError]:
        """Yields files whose names are not those of SA-1B, where no list says what is read."""
        if self._is_whole:
            yield from odd_names(self._root)

    def read(self, index: int, frames: Sequence[int] | None = None) -> AnnotatedClip:
        """Reads an image with its regions; see `AnnotatedSource`."""
        regions = self._regions(index)
        bare = self._bare(index, regions)
        repeats = checked_frames(bare.name, 1, frames)
        outlines, faults = regions.outlines()
        masks = new_masks(len(outlines), 1, *regions.size, str(regions.path))
        for mask, (place, outline) in zip(masks, outlines, strict=True):
            mask[0] = outline_mask(outline, regions.size, regions.field(place))
        return bare._replace(
            frames=repeat_image(bare.frames, len(repeats), axis=0),
            masks=repeat_image(masks, len(repeats), axis=1),
            classes=np.zeros(len(outlines), np.int64),
            crowd=np.zeros(len(outlines), np.bool_),
            ids=np.array([regions.regions[place].id for place, _ in outlines], np.int64),
            faults=tuple(faults),
        )

    def read_bare(self, index: int) -> AnnotatedClip:
        """Reads an image without its regions, whose masks take most of the time; see `BareSource`."""
        return self._bare(index, self._regions(index))

    def _bare(self, index: int, regions: _Regions) -> AnnotatedClip:
        image = read_annotated_image(self.files(index)[0], regions.size, self.described)
        return clip_of_none(f"{self._index.stem(index)}.jpg", int(self._index.numbers[index]), image)

    def _counted(self, index: int) -> _Regions:
        self._counts[index] = 0  # stays where they cannot be read
        regions = self._regions(index)
        self._counts[index] = len(regions.regions)
        return regions

    def _regions(self, index: int) -> _Regions:
        image, path = self.files(index)
        content, faulty = _read(path)
        field, named = f"{path}: image.file_name", content.image.file_name
        path_below(self._root, self._index.folder(index), named, field)
        if named != image.name:
            raise DataSetError("invalid entry", f"{field} is {named!r}; expected {image.name!r}, beside it")
        return _Regions(path, (content.image.height, content.image.width), content.annotations, faulty)


def _read(path: Path) -> tuple[_Content, FaultyEntries]:
    try:
        if path.is_file() and (size := path.stat().st_size) > _MOST_BYTES:
            raise DataSetError(
                "too large", f"{path} has {size:,} bytes; expected at most {_MOST_BYTES:,} for one image"
            )
        return read_json(path, _Content, Entries(("annotations",), _Region))
    except DataSetError:
        raise
    except InputError as error:
        raise DataSetError("damaged file" if path.exists() else "missing file", str(error)) from error


class _Pictured(NamedTuple):
    """See `Picture`."""

    source: Sa1b
    place: int
    path: Path

    @property
    def size(self) -> Size:
        """Reads the annotations, as hardly any image has a tag."""
        return self.source._regions(self.place).size
