"""Written worlds, read back with the tools of the formats' owners and with plain JSON and PNG readers."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.data.synth.image import draw_image
from rapsam.data.synth.video import draw_video
from rapsam.data.synth.world import World, check_place
from rapsam.data.synth.write_world import write_world
from rapsam.data.synth.youtube_vis_files import write_video_frames
from rapsam.errors import InputError
from rapsam.files import files_below
from rapsam.tasks.labels import find_label_set

# pycocotools 2.0.11 predates NumPy 2 and says so at every call.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE = (64, 80)
LABELS = find_label_set("synth").labels
THINGS = [label for label in LABELS if label.is_thing]
WORLD = World(images=6, videos=2, seed=11, size=SIZE, num_frames=3)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("worlds") / "world"
    seen = []
    write_world(out, WORLD, progress=lambda: seen.append(1))
    assert len(seen) == 8
    return out


def contents(out):
    return {name.as_posix(): (out / name).read_bytes() for name in files_below(out)}


def test_the_layout_is_that_of_the_owners(written):
    names = set(contents(written))
    numbers = [f"{number:012d}" for number in range(1, 7)]
    frames = [f"{video:010d}/{frame:05d}.jpg" for video in (1, 2) for frame in range(3)]
    assert names == {
        "synth_train.json",
        "annotations/panoptic_train2017.json",
        "annotations/instances_train2017.json",
        "youtube_vis/train.json",
        *(f"train2017/{number}.jpg" for number in numbers),
        *(f"annotations/panoptic_train2017/{number}.png" for number in numbers),
        *(f"youtube_vis/train/JPEGImages/{frame}" for frame in frames),
    }


def test_pictures_are_the_drawn_ones_but_for_jpeg(written):
    for index in range(WORLD.images):
        stored = Image.open(written / "train2017" / f"{index + 1:012d}.jpg")
        drawn = draw_image(WORLD.seed, index, SIZE).frames[0]
        assert (stored.format, stored.mode) == ("JPEG", "RGB")
        assert np.abs(np.asarray(stored, float) - drawn).mean() < 8


def test_panoptic_files_hold_the_drawn_segments(written):
    content = json.loads((written / "annotations" / "panoptic_train2017.json").read_text())
    assert [(c["id"], c["name"], bool(c["isthing"])) for c in content["categories"]] == [
        (label.category_id, label.name, label.is_thing) for label in LABELS
    ]
    for index, (image, entry) in enumerate(zip(content["images"], content["annotations"], strict=True)):
        clip = draw_image(WORLD.seed, index, SIZE)
        assert (image["id"], image["height"], image["width"]) == (index + 1, *SIZE)
        assert entry["image_id"] == image["id"]
        assert entry["file_name"] == image["file_name"].replace("jpg", "png")
        colours = np.asarray(
            Image.open(written / "annotations" / "panoptic_train2017" / entry["file_name"]), np.int64
        )
        ids = colours @ (1, 256, 65536)
        assert set(np.unique(ids)) - {0} == {segment["id"] for segment in entry["segments_info"]}
        for segment, mask, class_index in zip(
            entry["segments_info"], clip.masks[:, 0], clip.classes, strict=True
        ):
            assert np.array_equal(ids == segment["id"], mask)
            assert segment["category_id"] == LABELS[class_index].category_id
            assert segment["area"] == mask.sum()
            assert segment["iscrowd"] == 0
            assert_box(segment["bbox"], mask)


def assert_box(box, mask):
    x, y, width, height = box
    inside = np.zeros_like(mask)
    inside[y : y + height, x : x + width] = True
    assert not (mask & ~inside).any()
    assert mask[y].any()
    assert mask[y + height - 1].any()
    assert mask[:, x].any()
    assert mask[:, x + width - 1].any()


def test_pycocotools_reads_the_instances(written):
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(written / "annotations" / "instances_train2017.json"))
        coco.info()
    assert len(coco.getImgIds()) == WORLD.images
    assert [c["name"] for c in coco.loadCats(coco.getCatIds())] == [
        one.name for one in LABELS if one.is_thing
    ]
    for index in range(WORLD.images):
        clip = draw_image(WORLD.seed, index, SIZE)
        things = [place for place, found in enumerate(clip.classes) if LABELS[found].is_thing]
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[index + 1]))
        assert len(annotations) == len(things) > 0
        for annotation, place in zip(annotations, things, strict=True):
            assert np.array_equal(coco.annToMask(annotation), clip.masks[place, 0])
            assert annotation["area"] == clip.masks[place].sum()
            assert annotation["category_id"] == LABELS[clip.classes[place]].category_id
            assert_box(annotation["bbox"], clip.masks[place, 0])


def test_youtube_vis_files_hold_the_drawn_tracks(written):
    content = json.loads((written / "youtube_vis" / "train.json").read_text())
    assert [c["id"] for c in content["categories"]] == [label.category_id for label in THINGS]
    assert [track["id"] for track in content["annotations"]] == list(
        range(1, len(content["annotations"]) + 1)
    )
    for index, video in enumerate(content["videos"]):
        clip = draw_video(WORLD.seed, index, WORLD.num_frames, SIZE)
        assert (video["id"], video["length"], video["height"], video["width"]) == (index + 1, 3, *SIZE)
        for name, frame in zip(video["file_names"], clip.frames, strict=True):
            stored = np.asarray(Image.open(written / "youtube_vis" / "train" / "JPEGImages" / name), float)
            assert np.abs(stored - frame).mean() < 8
        tracks = [track for track in content["annotations"] if track["video_id"] == video["id"]]
        assert [track["category_id"] for track in tracks] == [
            LABELS[found].category_id for found in clip.classes
        ]
        for track, masks in zip(tracks, clip.masks, strict=True):
            assert_track(track, masks)


def assert_track(track, masks):
    for runs, box, area, mask in zip(
        track["segmentations"], track["bboxes"], track["areas"], masks, strict=True
    ):
        if not mask.any():
            assert (runs, box, area) == (None, None, None)
            continue
        coded = coco_mask.frPyObjects(runs, *runs["size"])
        assert np.array_equal(coco_mask.decode(coded), mask)
        assert area == mask.sum()
        assert_box(box, mask)


def test_masks_full_empty_and_from_the_first_pixel_on(tmp_path):
    masks = np.zeros((1, 4, 2, 3), np.bool_)
    masks[0, 0] = True
    masks[0, 1, :, 0] = True
    masks[0, 3, 1, 2] = True
    clip = AnnotatedClip(
        "video", 1, np.zeros((4, 2, 3, 3), np.uint8), masks, np.array([0]), np.array([False]), np.array([1])
    )
    (track,) = write_video_frames(tmp_path, clip, find_label_set("synth")).tracks
    assert [runs and runs.counts for runs in track.segmentations] == [[0, 6], [0, 2, 4], None, [5, 1]]
    assert track.bboxes == ((0, 0, 3, 2), (0, 0, 1, 2), None, (2, 1, 1, 1))
    assert track.areas == (6, 2, None, 1)


def test_the_record_says_how_to_draw_it_again(written):
    record = json.loads((written / "synth_train.json").read_text())
    assert record["size"] == list(SIZE)
    assert World(**{**record, "size": tuple(record["size"])}) == WORLD


def test_any_number_of_workers_writes_the_same_bytes(written, tmp_path):
    write_world(tmp_path / "two", WORLD, workers=2)
    assert contents(tmp_path / "two") == contents(written)


def test_another_seed_writes_other_pictures(written, tmp_path):
    write_world(tmp_path / "other", World(images=1, videos=0, seed=12, size=SIZE))
    name = "train2017/000000000001.jpg"
    assert contents(tmp_path / "other")[name] != contents(written)[name]


def test_both_splits_fit_into_one_folder(tmp_path):
    out = tmp_path / "world"
    write_world(out, World(images=1, videos=1, seed=1, size=SIZE, num_frames=2))
    train = contents(out)
    write_world(out, World(images=1, videos=1, seed=2, size=SIZE, num_frames=2, split="val"))
    both = contents(out)
    assert both.items() > train.items()
    assert {name for name in both if name not in train} == {
        "synth_val.json",
        "annotations/panoptic_val2017.json",
        "annotations/instances_val2017.json",
        "annotations/panoptic_val2017/000000000001.png",
        "val2017/000000000001.jpg",
        "youtube_vis/valid.json",
        "youtube_vis/valid/JPEGImages/0000000001/00000.jpg",
        "youtube_vis/valid/JPEGImages/0000000001/00001.jpg",
    }


def test_what_is_not_wanted_is_not_there(tmp_path):
    write_world(tmp_path / "videos", World(images=0, videos=1, seed=1, size=SIZE, num_frames=1))
    assert {path.name for path in (tmp_path / "videos").iterdir()} == {"synth_train.json", "youtube_vis"}
    write_world(tmp_path / "images", World(images=1, videos=0, seed=1, size=SIZE))
    assert not (tmp_path / "images" / "youtube_vis").exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"split": "valid"}, "unknown split 'valid'; did you mean val?"),
        ({"images": -1}, "-1 images and 1 videos; expected 0 or more"),
        ({"images": 0, "videos": 0}, "expected 1 or more"),
        ({"num_frames": 0}, "expected 1 or more"),
        ({"seed": -3}, "seed -3; expected 0 or more"),
        ({"size": (10, 64)}, "size 10x64"),
    ],
)
def test_bad_worlds_are_refused(changes, says):
    with pytest.raises(InputError, match=says):
        World(**{"images": 1, "videos": 1, "seed": 1, **changes})


def test_no_workers_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="0 workers; expected 1 or more"):
        write_world(tmp_path / "out", WORLD, workers=0)
    assert list(tmp_path.iterdir()) == []


def test_foreign_files_are_kept(tmp_path):
    (tmp_path / "train2017").mkdir()
    (tmp_path / "train2017" / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"holds train2017/photo\.jpg, which was not drawn"):
        write_world(tmp_path, WORLD)
    assert contents(tmp_path) == {"train2017/photo.jpg": b"mine"}


def test_a_world_is_not_written_twice(written):
    before = contents(written)
    with pytest.raises(InputError, match=r"synth_train\.json exists already"):
        write_world(written, World(images=1, videos=0, seed=99, size=SIZE))
    assert contents(written) == before


def test_a_held_out_split_must_have_a_seed_of_its_own(written):
    with pytest.raises(InputError, match="seed 11 too, so the pictures would be the same"):
        check_place(written, World(images=1, videos=0, seed=11, size=SIZE, split="val"))


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "synth_train.json").write_text("{}")
    with pytest.raises(InputError, match=r"synth_train\.json cannot be read"):
        check_place(tmp_path, World(images=1, videos=0, seed=11, size=SIZE, split="val"))


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="exists already; expected a new folder"):
        check_place(tmp_path / "file", WORLD)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_leaves_nothing(tmp_path, workers):
    seen = []

    def full_disk() -> None:
        seen.append(1)
        if len(seen) == 3:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_world(tmp_path / "new" / "world", WORLD, workers=workers, progress=full_disk)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_does_not_matter(tmp_path):
    """Hidden scratch folders, as `atomic_folder` makes them."""
    left = tmp_path / "annotations" / ".panoptic_train2017.abc"
    left.mkdir(parents=True)
    (left / "000000000001.png").write_bytes(b"half")
    (tmp_path / "youtube_vis" / "train").mkdir(parents=True)
    write_world(tmp_path, World(images=1, videos=1, seed=1, size=SIZE, num_frames=1))
    assert (tmp_path / "synth_train.json").is_file()
