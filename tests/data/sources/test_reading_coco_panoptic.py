"""COCO panoptic: what is read, and every way in which the files can be wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rapsam.data.sources.kinds import open_source
from rapsam.errors import InputError
from tests.data.sources.tiny_sets import (
    BIG_ID,
    COCO_LABELS,
    PANOPTIC_IDS,
    SIZE,
    edit_json,
    first_fault,
    write_coco_panoptic,
    write_ids,
    write_photo,
)

JSON = "annotations/panoptic_val2017.json"
FIRST_IMAGE, FIRST_MASK = "val2017/000000000139.jpg", "annotations/panoptic_val2017/000000000139.png"


@pytest.fixture
def root(tmp_path):
    write_coco_panoptic(tmp_path)
    return tmp_path


@pytest.fixture
def source(root):
    return open_source("coco_panoptic", root, "val")


def refused(root, index=0):
    """Reads an image that cannot be read, or not all of it; gives the error."""
    source = open_source("coco_panoptic", root, "val")
    fault = first_fault(lambda: source.read(index).faults)
    assert "\n" not in str(fault)
    return fault


def test_things_and_stuff_are_read(root, source):
    pixels = write_coco_panoptic(root)
    assert (source.name, len(source), source.num_frames(0)) == ("coco_panoptic val", 3, 1)
    assert [label.name for label in source.label_set.labels] == COCO_LABELS
    assert source.label_set.num_things == 2
    clip = source.read(0)
    assert (clip.name, clip.key) == ("000000000139.jpg", 139)
    np.testing.assert_array_equal(clip.frames, pixels[:1])
    np.testing.assert_array_equal(clip.ids, [5_000, BIG_ID, 7])
    np.testing.assert_array_equal(clip.classes, [3, 2, 0])
    np.testing.assert_array_equal(clip.masks[:, 0], PANOPTIC_IDS[0] == clip.ids[:, None, None])
    assert not clip.crowd.any()
    assert (clip.masks.dtype, clip.classes.dtype, clip.ids.dtype) == (bool, np.int64, np.int64)


def test_crowds_are_marked(source):
    clip = source.read(1)
    assert clip.key == 285
    assert clip.crowd.tolist() == [True, False]


def test_an_image_without_segments_is_a_clip_of_none(root, source):
    pixels = write_coco_panoptic(root)
    clip = source.read(2)
    assert clip.masks.shape == (0, 1, *SIZE)
    assert clip.classes.shape == clip.crowd.shape == clip.ids.shape == (0,)
    np.testing.assert_array_equal(clip.frames, pixels[2:])


def test_the_image_can_be_asked_for_twice(source):
    clip = source.read(0, [0, 0])
    assert clip.frames.shape == (2, *SIZE, 3)
    np.testing.assert_array_equal(clip.masks[:, 0], clip.masks[:, 1])
    for frames in ([], [1], [-1]):
        with pytest.raises(InputError, match=r"000000000139\.jpg; expected at least one, each in 0\.\.0"):
            source.read(0, frames)


def test_stored_pixels_are_not_turned(root, source):
    """Orientation 6 asks for a quarter turn, which the masks do not make."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = write_photo(root / FIRST_IMAGE, 0, exif=exif)
    np.testing.assert_array_equal(source.read(0).frames[0], stored)


def test_grey_and_cmyk_photographs_are_read(root, source):
    pixels = write_coco_panoptic(root)
    Image.fromarray(pixels[0]).convert("L").save(root / FIRST_IMAGE)
    assert source.read(0).frames.shape == (1, *SIZE, 3)
    Image.fromarray(pixels[0]).convert("CMYK").save(root / FIRST_IMAGE, quality=95)
    assert np.abs(source.read(0).frames[0].astype(int) - pixels[0]).mean() < 8


def test_a_category_that_is_not_listed(root):
    def change(content):
        content["annotations"][1]["segments_info"][2]["category_id"] = 999

    edit_json(root / JSON, change)
    error = refused(root)
    assert error.kind == "unknown category"
    assert f"{JSON}: annotations[1].segments_info[2].category_id is 999; expected one of the 4" in str(error)


def test_pixels_of_an_id_that_is_not_listed(root):
    ids = PANOPTIC_IDS[0].copy()
    ids[0, 0] = 6
    write_ids(root / FIRST_MASK, ids)
    error = refused(root)
    assert error.kind == "pixels of no segment"
    assert "000000000139.png has pixels of id 6;" in str(error)


def test_a_listed_segment_without_pixels(root):
    write_ids(root / FIRST_MASK, np.where(PANOPTIC_IDS[0] == 7, BIG_ID, PANOPTIC_IDS[0]))
    error = refused(root)
    assert error.kind == "segment without pixels"
    assert "000000000139.png has no pixel of segment 7" in str(error)


@pytest.mark.parametrize(
    ("value", "kind"), [(0, "invalid id"), (2**24, "invalid id"), (-1, "invalid id"), (5_000, "repeated id")]
)
def test_ids_that_no_png_can_hold_and_repeated_ones(root, value, kind):
    edit_json(root / JSON, lambda content: content["annotations"][1]["segments_info"][2].update(id=value))
    error = refused(root)
    assert error.kind == kind
    assert f"annotations[1].segments_info[2].id is {value}" in str(error)


@pytest.mark.parametrize("name", [FIRST_IMAGE, FIRST_MASK])
def test_files_that_are_missing_empty_or_cut(root, name):
    content = (root / name).read_bytes()
    (root / name).write_bytes(content[: len(content) * 2 // 3])
    error = refused(root)
    assert (error.kind, name in str(error)) == ("damaged file", True)
    (root / name).write_bytes(b"")
    assert refused(root).kind == "damaged file"
    (root / name).unlink()
    error = refused(root)
    assert (error.kind, f"{name} does not exist" in str(error)) == ("missing file", True)
    (root / name).mkdir()
    assert "is a folder" in str(refused(root))


@pytest.mark.parametrize("name", [FIRST_IMAGE, FIRST_MASK])
def test_sizes_must_agree(root, name):
    if name.endswith("png"):
        write_ids(root / name, PANOPTIC_IDS[0].T)
    else:
        write_photo(root / name, 0, SIZE[::-1])
    error = refused(root)
    assert error.kind == "wrong size"
    assert f"{name} has 24x32 stored px; expected width 32 and height 24" in str(error)


def test_masks_of_other_kinds_are_refused(root):
    pixels = write_coco_panoptic(root)
    Image.fromarray((PANOPTIC_IDS[0] % 256).astype(np.uint8)).save(root / FIRST_MASK)
    assert "has pixels of mode L; expected RGB" in str(refused(root))
    # A JPEG changes ids, whatever its name ends in.
    Image.fromarray(pixels[0]).save(root / FIRST_MASK, format="JPEG")
    assert refused(root).kind == "damaged file"


def test_images_of_other_kinds_are_refused(root):
    Image.fromarray(np.zeros(SIZE, np.float32)).save(root / FIRST_IMAGE, format="TIFF")
    assert "holds floating-point values of unknown range" in str(refused(root))


@pytest.mark.parametrize(
    "name", ["../val2017/a.jpg", "/etc/hostname", "", "a\0.jpg", "..\\a.jpg", "x/../../a"]
)
@pytest.mark.parametrize("field", ["images", "annotations"])
def test_names_that_leave_the_folder_are_refused(root, name, field):
    place = {"images": 0, "annotations": 1}[field]
    edit_json(root / JSON, lambda content: content[field][place].update(file_name=name))
    error = refused(root)
    assert error.kind == "unsafe file name"
    assert f"{JSON}: {field}[{place}].file_name is {name!r}" in str(error)


def test_links_out_of_the_data_set_are_refused(tmp_path):
    root, outside = tmp_path / "coco", tmp_path / "outside.jpg"
    write_coco_panoptic(root)
    write_photo(outside, 0)
    (root / FIRST_IMAGE).unlink()
    (root / FIRST_IMAGE).symlink_to(outside)
    assert refused(root).kind == "unsafe file name"
    (root / FIRST_IMAGE).unlink()
    (root / FIRST_IMAGE).symlink_to(root / FIRST_IMAGE)
    assert refused(root).kind == "unsafe file name"
    (root / FIRST_IMAGE).unlink()
    (root / FIRST_IMAGE).symlink_to(root / "val2017/000000000285.jpg")
    assert open_source("coco_panoptic", root, "val").read(0).key == 139


def test_a_root_that_is_a_link_is_followed(tmp_path):
    write_coco_panoptic(tmp_path / "disk")
    (tmp_path / "coco").symlink_to(tmp_path / "disk")
    assert open_source("coco_panoptic", tmp_path / "coco", "val").read(0).key == 139


def test_an_image_without_an_annotation(root):
    edit_json(root / JSON, lambda content: content["annotations"].pop(1))
    error = refused(root)
    assert error.kind == "no annotation"
    assert "images[0].id is 139, which no annotation has" in str(error)
    assert open_source("coco_panoptic", root, "val").read(1).key == 285


@pytest.mark.parametrize("field", ["images", "annotations"])
def test_repeated_images_and_annotations(root, field):
    edit_json(root / JSON, lambda content: content[field].append(content[field][2 * (field == "images")]))
    error = refused(root, 2 if field == "images" else 1)
    assert error.kind == "repeated id"
    assert open_source("coco_panoptic", root, "val").read(0).key == 139


def test_annotations_of_images_that_are_not_listed_are_told_apart(root):
    edit_json(root / JSON, lambda content: content["images"].pop(1))
    source = open_source("coco_panoptic", root, "val")
    assert [source.read(index).key for index in range(len(source))] == [139, 632]
    (stray,) = source.strays()
    assert f"{JSON}: annotations[0].image_id is 285" in str(stray)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda content: content["images"][1].pop("height"),
            r"missing required field `height` - at `\$\.images\[1\]`",
        ),
        (
            lambda content: content["images"][0].update(width=-3),
            r"`int` >= 1 - at `\$\.images\[0\]\.width`",
        ),
        (lambda content: content["images"][0].update(width=10**6), r"`int` <= 16384"),
        (lambda content: content.pop("categories"), "missing required field `categories`"),
        (
            lambda content: content.update(annotations=3),
            r"Expected `array`, got `int` - at `\$\.annotations`",
        ),
        (lambda content: content["categories"].clear(), "categories is empty"),
        (lambda content: content["categories"][0].update(id=1), "categories repeat id 1;"),
    ],
)
def test_a_file_of_another_form_is_refused_when_it_is_opened(root, change, says):
    edit_json(root / JSON, change)
    with pytest.raises(InputError, match=rf"panoptic_val2017\.json: .*{says}"):
        open_source("coco_panoptic", root, "val")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_a_file_that_is_no_json_is_refused_when_it_is_opened(root, content):
    (root / JSON).write_bytes(content)
    with pytest.raises(InputError, match=r"panoptic_val2017\.json"):
        open_source("coco_panoptic", root, "val")


def test_a_file_of_more_than_two_gibibytes_is_refused(root):
    with (root / JSON).open("wb") as stream:
        stream.truncate(2 * 1024**3 + 1)
    with pytest.raises(InputError, match=r"has 2,147,483,649 bytes; expected .* at most 2,147,483,648"):
        open_source("coco_panoptic", root, "val")


def test_a_missing_file_is_named(root):
    with pytest.raises(InputError, match=r"expected annotations/panoptic_train2017\.json in it"):
        open_source("coco_panoptic", root, "train")


def test_masks_that_would_fill_the_memory_are_refused(root):
    def change(content):
        content["annotations"][1]["segments_info"] = [
            {"id": value, "category_id": 1} for value in range(1, 701)
        ]

    edit_json(root / JSON, change)
    with Image.open(root / FIRST_IMAGE) as image:
        image.resize((3200, 2400)).save(root / FIRST_IMAGE)
    write_ids(root / FIRST_MASK, np.ones((2400, 3200), np.int32))
    edit_json(root / JSON, lambda content: content["images"][0].update(width=3200, height=2400))
    error = refused(root)
    assert error.kind == "too large"
    assert f"{JSON}: images[0]: 700 masks" in str(error)


@given(seed=st.integers(0, 10_000), count=st.integers(0, 6))
def test_any_ids_come_back(tmp_path_factory, seed, count):
    rng = np.random.default_rng(seed)
    values = rng.choice(2**24 - 1, count, replace=False) + 1
    ids = rng.choice(np.concatenate([[0], values]), SIZE).astype(np.int32)
    listed = [int(value) for value in values if (ids == value).any()]
    root = tmp_path_factory.mktemp("any")
    write_coco_panoptic(root)
    write_ids(root / FIRST_MASK, ids)
    content = json.loads((root / JSON).read_text())
    content["annotations"][1]["segments_info"] = [{"id": value, "category_id": 1} for value in listed]
    (root / JSON).write_text(json.dumps(content))
    clip = open_source("coco_panoptic", root, "val").read(0)
    assert clip.ids.tolist() == listed
    back = np.zeros(SIZE, np.int64)
    for value, mask in zip(clip.ids, clip.masks[:, 0], strict=True):
        back[mask] = value
    np.testing.assert_array_equal(back, ids)
