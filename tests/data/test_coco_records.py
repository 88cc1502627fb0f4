"""What is written has fixed fields in a fixed order, and is what the readers' records take."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rapsam.data.coco_records import (
    Category,
    CocoFile,
    DrawnCategory,
    DrawnImages,
    DrawnObject,
    DrawnSegment,
    DrawnSegments,
    DrawnVideos,
    ImageEntry,
    Info,
    NumberedTrack,
    OutlinedObject,
    PanopticEntry,
    Rle,
    RunLengths,
    SegmentEntry,
    VideoEntry,
    VideosFile,
)
from rapsam.data.limits import MAX_SIDE

INFO = Info(description="drawn", version="drawing 1")
CATEGORIES = (DrawnCategory(id=1, name="disc", supercategory="shape", isthing=1),)
IMAGES = (ImageEntry(id=1, file_name="1.jpg", height=4, width=6),)
RLE = Rle(size=(4, 6), counts="08h0")


def fields_of(entry):
    return list(msgspec.json.decode(msgspec.json.encode(entry)))


def test_fields_stand_in_the_order_of_the_published_files():
    segment = DrawnSegment(id=7, category_id=1, bbox=(0, 0, 2, 4), area=8)
    thing = DrawnObject(id=1, image_id=1, category_id=1, bbox=(0, 0, 2, 4), area=8, segmentation=RLE)
    file = DrawnImages[DrawnObject](info=INFO, images=IMAGES, annotations=(thing,), categories=CATEGORIES)
    assert fields_of(segment) == ["id", "category_id", "iscrowd", "bbox", "area"]
    assert fields_of(thing) == ["id", "image_id", "category_id", "iscrowd", "bbox", "area", "segmentation"]
    assert fields_of(file) == ["info", "licenses", "images", "annotations", "categories"]
    assert fields_of(CATEGORIES[0]) == ["id", "name", "supercategory", "isthing"]
    assert fields_of(track(1, RunLengths(size=(4, 6), counts=[24]))) == [
        *("video_id", "category_id", "iscrowd", "height", "width", "length"),
        *("segmentations", "bboxes", "areas", "id"),
    ]


def track(video, *outlines):
    return NumberedTrack(
        id=1,
        video_id=video,
        category_id=1,
        iscrowd=0,
        height=4,
        width=6,
        segmentations=outlines,
        bboxes=(None,) * len(outlines),
        areas=(None,) * len(outlines),
    )


numbers = st.integers(-(2**63), 2**63 - 1)
sides = st.integers(1, MAX_SIDE)


@given(numbers, st.one_of(numbers, st.text()), st.lists(st.tuples(numbers, st.sampled_from([0, 1]))), sides)
def test_readers_take_written_panoptic_files(category, key, segments, side):
    entries = tuple(
        DrawnSegment(id=id_, category_id=category, iscrowd=crowd, bbox=(0, 0, 1, 1), area=1)
        for id_, crowd in segments
    )
    written = DrawnImages[DrawnSegments](
        info=INFO,
        images=(ImageEntry(id=key, file_name="a", height=side, width=1),),
        annotations=(DrawnSegments(image_id=key, file_name="a.png", segments_info=entries),),
        categories=(DrawnCategory(id=category, name="disc", supercategory="shape", isthing=0),),
    )
    read = msgspec.json.decode(msgspec.json.encode(written), type=CocoFile[PanopticEntry[SegmentEntry]])
    assert read.images == written.images
    assert read.categories == (Category(id=category, name="disc", isthing=0),)
    (annotation,) = read.annotations
    assert annotation.image_id == key
    assert [(one.id, one.category_id, one.iscrowd) for one in annotation.segments_info] == [
        (id_, category, crowd) for id_, crowd in segments
    ]


def test_readers_take_written_objects_and_tracks_with_their_outlines_as_json():
    thing = DrawnObject(id=1, image_id=1, category_id=1, bbox=(0, 0, 2, 4), area=8, segmentation=RLE)
    found = msgspec.json.decode(msgspec.json.encode(thing), type=OutlinedObject)
    assert msgspec.json.decode(found.segmentation, type=Rle) == RLE
    runs = RunLengths(size=(4, 6), counts=[3, 21])
    video = VideoEntry(id=1, width=6, height=4, length=2, file_names=("1/0.jpg", "1/1.jpg"))
    written = DrawnVideos(
        info=INFO, videos=(video,), annotations=(track(1, None, runs),), categories=CATEGORIES
    )
    read = msgspec.json.decode(msgspec.json.encode(written), type=VideosFile)
    assert read.videos == (video,)
    assert msgspec.json.decode(read.annotations[0].segmentations, type=list[RunLengths | None]) == [
        None,
        runs,
    ]
