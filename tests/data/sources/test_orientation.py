"""EXIF orientations: what annotations describe, file by file and for a whole data set."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ExifTags, Image, TiffImagePlugin

from rapsam.data.images import read_image
from rapsam.data.sources.check import check_below
from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.kinds import open_annotated, open_source
from rapsam.data.sources.orientation import Described
from rapsam.errors import InputError
from tests.cli.cli_runs import rapsam
from tests.data.sources.tiny_sets import (
    SIZE,
    edit_json,
    write_ade20k,
    write_coco_instances,
    write_coco_panoptic,
    write_photo,
    write_vipseg,
    write_youtube_vis,
)

FIRST, SECOND = "val2017/000000000139.jpg", "val2017/000000000285.jpg"


def exif(orientation):
    note = Image.Exif()
    note[ExifTags.Base.Orientation] = orientation
    return note


def write_turned(path, orientation, size=SIZE):
    """Writes a photograph with a tag; returns its stored and its displayed pixels."""
    stored = write_photo(path, 5, size, exif=exif(orientation))
    return stored, read_image(path)


def panoptic(root):
    write_coco_panoptic(root)
    return lambda: open_annotated("coco_panoptic", root, "val")


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_quarter_turn_is_decided_by_the_size(tmp_path, orientation):
    opened = panoptic(tmp_path)
    stored, _ = write_turned(tmp_path / FIRST, orientation)
    np.testing.assert_array_equal(opened().read(0).frames[0], stored)
    _, displayed = write_turned(tmp_path / FIRST, orientation, SIZE[::-1])
    np.testing.assert_array_equal(opened().read(0).frames[0], displayed)


@pytest.mark.parametrize("orientation", [2, 3, 4])
@pytest.mark.parametrize("follows", list(Described))
def test_other_turns_follow_the_data_set(tmp_path, orientation, follows):
    opened = panoptic(tmp_path)
    pictures = write_turned(tmp_path / FIRST, orientation)
    write_turned(tmp_path / SECOND, 6, SIZE if follows is Described.STORED else SIZE[::-1])
    wanted = pictures[0] if follows is Described.STORED else pictures[1]
    np.testing.assert_array_equal(opened().read(0).frames[0], wanted)


def test_a_square_picture_follows_the_data_set(tmp_path):
    opened = panoptic(tmp_path)
    edit_json(
        tmp_path / "annotations/panoptic_val2017.json",
        lambda content: content["images"][0].update(width=24),
    )
    mask = tmp_path / "annotations/panoptic_val2017/000000000139.png"
    Image.open(mask).crop((0, 0, 24, 24)).save(mask)
    _, displayed = write_turned(tmp_path / FIRST, 6, (24, 24))
    with pytest.raises(InputError, match=r"000000000139\.jpg has an EXIF orientation"):
        opened()
    write_turned(tmp_path / SECOND, 8, SIZE[::-1])
    np.testing.assert_array_equal(opened().read(0).frames[0], displayed)


@pytest.mark.parametrize(
    ("kind", "split", "write", "name"),
    [
        ("coco_panoptic", "val", write_coco_panoptic, FIRST),
        ("coco_instances", "val", write_coco_instances, FIRST),
        ("youtube_vis_2019", "train", write_youtube_vis, "train/JPEGImages/0043f083b5/00000.jpg"),
        ("vipseg", "val", write_vipseg, "images/1007_PSrKSNkJ6bI/00000486.jpg"),
    ],
)
def test_a_set_that_cannot_be_decided_stops_with_the_name(tmp_path, kind, split, write, name):
    write(tmp_path)
    stored, displayed = write_turned(tmp_path / name, 3)
    with pytest.raises(InputError, match=rf"{name} has an EXIF orientation, and neither") as caught:
        open_annotated(kind, tmp_path, split)
    assert not isinstance(caught.value, DataSetError)
    with pytest.raises(DataSetError, match=f"{name} has EXIF orientation 3"):
        open_source(kind, tmp_path, split).read(0)
    for described, wanted in ((Described.STORED, stored), (Described.DISPLAYED, displayed)):
        source = open_annotated(kind, tmp_path, split, described)
        np.testing.assert_array_equal(source.read(0).frames[0], wanted)


def test_files_that_contradict_each_other_decide_nothing(tmp_path):
    opened = panoptic(tmp_path)
    write_turned(tmp_path / SECOND, 6)
    _, displayed = write_turned(tmp_path / FIRST, 6, SIZE[::-1])
    np.testing.assert_array_equal(opened().read(0).frames[0], displayed)
    write_turned(tmp_path / "val2017/000000000632.jpg", 3)
    with pytest.raises(InputError, match=r"000000000632\.jpg has an EXIF orientation"):
        opened()


def test_ade20k_is_always_read_as_it_is_stored(tmp_path):
    write_ade20k(tmp_path)
    stored, _ = write_turned(tmp_path / "images/training/ADE_train_00000001.jpg", 3)
    source = open_annotated("ade20k_panoptic", tmp_path, "train")
    np.testing.assert_array_equal(source.read(0).frames[0], stored)
    (report,) = check_below(tmp_path, full=True, progress=lambda _: None)
    assert (report.is_well, report.notes) == (True, [])


def test_a_tag_of_nonsense_turns_nothing(tmp_path):
    opened = panoptic(tmp_path)
    for orientation in (0, 9):
        stored, _ = write_turned(tmp_path / FIRST, orientation)
        np.testing.assert_array_equal(opened().read(0).frames[0], stored)
    stored = write_photo(tmp_path / FIRST, 1, exif=b"Exif\0\0no note at all")
    np.testing.assert_array_equal(opened().read(0).frames[0], stored)


def test_check_names_what_is_undecided_and_what_viewers_show_turned(tmp_path):
    write_coco_panoptic(tmp_path)
    write_turned(tmp_path / FIRST, 3)
    outcome = rapsam("data", "check", tmp_path)
    assert outcome.code == 1
    assert "0 missing, 1 broken" in outcome.out
    assert "undecided orientation: 1, first " in outcome.out
    assert f"{FIRST} has an EXIF orientation" in outcome.out
    write_turned(tmp_path / SECOND, 6)
    outcome = rapsam("data", "check", tmp_path)
    assert outcome.code == 0
    assert "predict' show turned but whose annotations do not follow: 1, such as val2017" in outcome.out
    assert SECOND in outcome.out


def test_pictures_of_other_kinds_are_read_as_predict_reads_them(tmp_path):
    opened = panoptic(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, 4), np.uint8)
    for picture, kind in (
        (Image.fromarray(pixels, "RGBA"), "PNG"),
        (Image.fromarray(pixels[..., 2:], "LA"), "PNG"),
        (Image.fromarray(pixels[..., :3]), "WEBP"),
    ):
        picture.save(tmp_path / FIRST, format=kind)
        np.testing.assert_array_equal(opened().read(0).frames[0], read_image(tmp_path / FIRST))


def write_turned_tiff(path, orientation, size, mode="RGB", **settings):
    """Writes a TIFF with a tag; returns its stored and its displayed pixels."""
    stored = np.random.default_rng(orientation).integers(0, 256, (*size, 3), np.uint8)
    picture = Image.fromarray(stored).convert(mode)
    picture.save(path, format="TIFF", exif=exif(orientation), **settings)
    return np.array(picture.convert("RGB")), read_image(path)


@pytest.mark.parametrize("settings", [{}, {"mode": "L"}, {"compression": "tiff_lzw"}])
@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("follows", list(Described))
def test_a_turned_tiff_is_read_as_its_annotation_has_it(tmp_path, orientation, follows, settings):
    write_coco_panoptic(tmp_path)
    size = SIZE if follows is Described.STORED or orientation < 5 else SIZE[::-1]
    stored, displayed = write_turned_tiff(tmp_path / FIRST, orientation, size, **settings)
    if orientation < 5:
        with pytest.raises(InputError, match=r"000000000139\.jpg has an EXIF orientation"):
            open_annotated("coco_panoptic", tmp_path, "val")
        source = open_annotated("coco_panoptic", tmp_path, "val", follows)
    else:
        source = open_annotated("coco_panoptic", tmp_path, "val")
        assert source.described is follows
    wanted = stored if follows is Described.STORED else displayed
    np.testing.assert_array_equal(source.read(0).frames[0], wanted)


def test_a_tiff_that_is_turned_in_its_xmp_alone_follows_too(tmp_path):
    write_coco_panoptic(tmp_path)
    stored = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    note = TiffImagePlugin.ImageFileDirectory_v2()
    note[700] = b'<x:xmpmeta tiff:Orientation="3"/>'
    note.tagtype[700] = 1
    Image.fromarray(stored).save(tmp_path / FIRST, format="TIFF", tiffinfo=note)
    with pytest.raises(InputError, match=r"000000000139\.jpg has an EXIF orientation"):
        open_annotated("coco_panoptic", tmp_path, "val")
    source = open_annotated("coco_panoptic", tmp_path, "val", Described.STORED)
    np.testing.assert_array_equal(source.read(0).frames[0], stored)


def test_grey_of_16_bits_is_read_as_predict_reads_it(tmp_path):
    opened = panoptic(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 65_536, SIZE, np.uint16)
    Image.fromarray(pixels).save(tmp_path / FIRST, format="PNG")
    np.testing.assert_array_equal(opened().read(0).frames[0], read_image(tmp_path / FIRST))


@pytest.mark.parametrize("count", [1, 3, 500])
def test_a_tag_behind_other_notes_is_found(tmp_path, count):
    write_coco_panoptic(tmp_path)
    stored, _ = write_turned(tmp_path / FIRST, 3)
    photo, note = (tmp_path / FIRST).read_bytes(), b"Photoshop 3.0\0".ljust(20_000)
    segment = b"\xff\xed" + (len(note) + 2).to_bytes(2) + note
    (tmp_path / FIRST).write_bytes(photo[:2] + segment * count + photo[2:])
    with pytest.raises(InputError, match=r"000000000139\.jpg has an EXIF orientation"):
        open_annotated("coco_panoptic", tmp_path, "val")
    source = open_annotated("coco_panoptic", tmp_path, "val", Described.STORED)
    np.testing.assert_array_equal(source.read(0).frames[0], stored)
