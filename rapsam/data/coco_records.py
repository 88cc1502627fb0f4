"""Records of annotation files in the forms of COCO and YouTube-VIS, for all that read or write them.

What is read may come from anywhere: numbers have limits, what tools leave out has a default, and outlines
stay JSON until they are needed. What is written has more fields, always all of them, in the order of the
records.
See https://cocodataset.org/#format-data and https://youtube-vos.org/dataset/vis/.
"""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeAlias, TypeVar

import msgspec

from rapsam.data.limits import MAX_PIXELS, MAX_SIDE

Number: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""Ids of annotations and categories, as int64 holds them."""
Key: TypeAlias = Number | str
"""Ids of images and videos: numbers in COCO and YouTube-VIS, names in ADE20K and VIPSeg."""
Side: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MAX_SIDE)]
Box: TypeAlias = tuple[int, int, int, int]
"""x, y, width, height in pixels."""

Segment = TypeVar("Segment", bound=msgspec.Struct)
Annotation = TypeVar("Annotation", bound=msgspec.Struct)


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """A class; without `isthing` it is a thing."""

    id: Number
    name: str
    isthing: Literal[0, 1] = 1


class ImageEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An image; sides in pixels."""

    id: Key
    file_name: str
    height: Side
    width: Side


class VideoEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A video of YouTube-VIS; `file_names` are its frames in order, `length` their number."""

    id: Key
    width: Side
    height: Side
    length: Number
    file_names: tuple[str, ...]


class RunLengths(msgspec.Struct, frozen=True, kw_only=True):
    """A mask as runs of false and true in turn, down the columns.

    Attributes:
        size: Height and width of the mask.
        counts: Lengths of the runs, or COCO's text code of them.
    """

    size: tuple[Side, Side]
    counts: list[Annotated[int, msgspec.Meta(ge=0, le=MAX_PIXELS)]] | str


class Rle(msgspec.Struct, frozen=True, kw_only=True):
    """A mask as run lengths, as results have it.

    Attributes:
        size: Height and width of the mask.
        counts: The runs in COCO's text form.
    """

    size: tuple[int, int]
    counts: str


class SegmentEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A segment of a panoptic PNG.

    Attributes:
        id: R + 256 * G + 65536 * B of its pixels, from 1; 0 is void.
        category_id: Its class.
        iscrowd: 1 for many objects that nobody separated.
    """

    id: Number
    category_id: Number
    iscrowd: Literal[0, 1] = 0


class DrawnSegment(SegmentEntry, frozen=True, kw_only=True):
    """A segment as data sets publish it; `area` counts pixels."""

    bbox: Box
    area: int


class FoundSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that a network found.

    Attributes:
        id: As in `SegmentEntry`.
        category_id: As the label set has it.
        isthing: 1 or 0.
        bbox: Around its pixels.
        area: Pixels.
        score: Class probability, 0..1.
    """

    id: int
    category_id: int
    isthing: int
    bbox: Box
    area: int
    score: float


class PanopticEntry(msgspec.Struct, Generic[Segment], frozen=True, kw_only=True):
    """The PNG of an image and its segments."""

    image_id: Key
    file_name: str
    segments_info: tuple[Segment, ...]


DrawnSegments: TypeAlias = PanopticEntry[DrawnSegment]


class ObjectEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An object of an image."""

    id: Number
    image_id: Key
    category_id: Number
    iscrowd: Literal[0, 1] = 0


class OutlinedObject(ObjectEntry, frozen=True, kw_only=True):
    """An object; its outline stays JSON until it is read, for as numbers it takes far more memory."""

    segmentation: msgspec.Raw


class DrawnObject(ObjectEntry, frozen=True, kw_only=True):
    """An object. COCO's own files have polygons here, which cannot give a drawn mask to the pixel."""

    bbox: Box
    area: int
    segmentation: Rle


class OutlinedTrack(msgspec.Struct, frozen=True, kw_only=True):
    """An object of a video with one outline or null per frame, which stay JSON until they are read."""

    id: Number
    video_id: Key
    category_id: Number
    segmentations: msgspec.Raw
    iscrowd: Literal[0, 1] = 0


class DrawnTrack(msgspec.Struct, frozen=True, kw_only=True):
    """An object of a video; an entry is null in a frame where it is not seen.

    Attributes:
        video_id: Its video.
        category_id: Its class.
        iscrowd: 0.
        height: Of the video.
        width: Of the video.
        length: 1 in the owners' file, whatever the video's length.
        segmentations: One per frame, with plain run lengths, as in the owners' file.
        bboxes: One per frame.
        areas: Pixels; one per frame.
    """

    video_id: Key
    category_id: int
    iscrowd: int
    height: int
    width: int
    length: int = 1
    segmentations: tuple[RunLengths | None, ...]
    bboxes: tuple[Box | None, ...]
    areas: tuple[int | None, ...]


class NumberedTrack(DrawnTrack, frozen=True, kw_only=True):
    """A track with its place in the file."""

    id: int


class CocoFile(msgspec.Struct, Generic[Annotation], frozen=True, kw_only=True):
    """Images with their annotations, as far as readers need it and results have it."""

    images: tuple[ImageEntry, ...]
    annotations: tuple[Annotation, ...]
    categories: tuple[Category, ...]


class VideosFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of YouTube-VIS. The owners keep the annotations of "valid" and "test" to themselves."""

    videos: tuple[VideoEntry, ...]
    categories: tuple[Category, ...]
    annotations: tuple[OutlinedTrack, ...] | None = None


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file comes from."""

    description: str
    version: str


class DrawnCategory(msgspec.Struct, frozen=True, kw_only=True):
    """A class as data sets publish it; `isthing` is 1 or 0."""

    id: int
    name: str
    supercategory: str
    isthing: int


class DrawnImages(msgspec.Struct, Generic[Annotation], frozen=True, kw_only=True):
    """A file of drawn images, with all that COCO publishes in such files."""

    info: Info
    licenses: tuple[()] = ()
    images: tuple[ImageEntry, ...]
    annotations: tuple[Annotation, ...]
    categories: tuple[DrawnCategory, ...]


class DrawnVideos(msgspec.Struct, frozen=True, kw_only=True):
    """A file of drawn videos, with all that YouTube-VIS publishes in such files."""

    info: Info
    licenses: tuple[()] = ()
    videos: tuple[VideoEntry, ...]
    annotations: tuple[NumberedTrack, ...]
    categories: tuple[DrawnCategory, ...]
