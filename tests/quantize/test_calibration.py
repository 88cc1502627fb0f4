"""Images to calibrate with: where they come from, and which are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from rapsam.errors import InputError
from rapsam.quantize.calibration import MIN_IMAGES, open_calibration, pixels_sha256, refuse_shared_images


def write(folder, count, start=0):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        pixels = np.random.default_rng(number).integers(0, 255, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
    return folder


def test_a_folder_of_images(tmp_path) -> None:
    folder = write(tmp_path / "photos", 12)
    (folder / "notes.txt").write_text("no image")
    found = open_calibration(str(folder))
    assert (found.name, len(found.images), found.warnings) == ("photos", 12, ())
    assert found.images["003.png"].shape == (20, 24, 3)
    assert found.sha256 == open_calibration(str(folder)).sha256
    assert found.pixels_sha256["003.png"] == pixels_sha256(found.images["003.png"])


def test_of_many_images_some_from_everywhere_are_taken(tmp_path) -> None:
    found = open_calibration(str(write(tmp_path / "photos", 32)), 8)
    assert list(found.images) == [f"{number:03}.png" for number in range(0, 32, 4)]


def test_other_pixels_are_another_set(tmp_path) -> None:
    one = open_calibration(str(write(tmp_path / "a", 9)))
    other = open_calibration(str(write(tmp_path / "b", 9, start=1)))
    assert one.sha256 != other.sha256


@pytest.mark.parametrize("place", ["beside", "val2017"])
def test_an_annotation_file(tmp_path, place) -> None:
    folder = write(tmp_path / ("annotations" if place == "beside" else place), 9)
    path = tmp_path / "annotations" / "panoptic_val2017.json"
    path.parent.mkdir(exist_ok=True)
    images = [{"id": number, "file_name": file.name} for number, file in enumerate(sorted(folder.iterdir()))]
    path.write_text(json.dumps({"images": images, "annotations": []}))
    assert len(open_calibration(str(path)).images) == 9


def test_the_drawn_world() -> None:
    found = open_calibration("drawn", 8)
    assert found.images["drawn 3"].shape == (256, 256, 3)
    assert found.sha256 == open_calibration("drawn", 8).sha256
    assert found.sha256 != open_calibration("drawn:4", 8).sha256


def test_too_few_images(tmp_path) -> None:
    with pytest.raises(InputError, match=rf"^3 calibration images in .*photos; ranges need {MIN_IMAGES}"):
        open_calibration(str(write(tmp_path / "photos", 3)))


def test_images_that_show_nothing_are_refused_together_and_named_alone(tmp_path) -> None:
    folder = write(tmp_path / "photos", MIN_IMAGES)
    black = Image.fromarray(np.zeros((20, 24, 3), np.uint8))
    black.save(folder / "black.png")
    assert open_calibration(str(folder)).warnings == ("calibration image 'black.png' has one colour only",)
    (folder / "000.png").unlink()
    with pytest.raises(InputError, match="8 different calibration images, 1 of them of one colour each"):
        open_calibration(str(folder))


def test_copies_are_named_and_do_not_count(tmp_path) -> None:
    folder = write(tmp_path / "photos", MIN_IMAGES)
    (folder / "copy.png").write_bytes((folder / "002.png").read_bytes())
    assert open_calibration(str(folder)).warnings == ("calibration image 'copy.png' is '002.png' again",)
    (folder / "001.png").write_bytes((folder / "002.png").read_bytes())
    with pytest.raises(InputError, match="7 different calibration images"):
        open_calibration(str(folder))


def test_an_image_that_cannot_be_read_is_named(tmp_path) -> None:
    folder = write(tmp_path / "photos", MIN_IMAGES)
    (folder / "broken.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"broken\.png"):
        open_calibration(str(folder))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("nowhere", "expected a folder of images, a COCO annotation file"),
        ("drawn:x", "expected a number as in drawn:7"),
        ("drawn:1234567890123", "expected a number as in drawn:7"),
        ("missing.json", "missing.json"),
    ],
)
def test_what_is_no_source_is_refused(source, says, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        open_calibration(source)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[]", "expected a COCO annotation file"),
        ('{"images": [{"file_name": "../../etc/passwd"}]}', "expected a path below its folder"),
        ('{"images": [{"file_name": "/etc/passwd"}]}', "expected a path below its folder"),
        ('{"images": [{"file_name": "gone.png"}]}', "names 'gone.png', which is in neither"),
    ],
)
def test_a_hostile_or_broken_list_is_refused(content, says, tmp_path) -> None:
    path = tmp_path / "list.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        open_calibration(str(path))
    assert says in str(caught.value)


@pytest.mark.parametrize("count", [0, 7, 5000])
def test_a_number_of_images_that_makes_no_sense(count) -> None:
    with pytest.raises(InputError, match=f"{count} calibration images; expected 8 to 1024"):
        open_calibration("drawn", count)


def test_images_that_are_scored_on_are_refused_by_name(tmp_path) -> None:
    found = open_calibration(str(write(tmp_path / "photos", 9)))
    refuse_shared_images(found, {"ab" * 32: "other.png"}, "the evaluation")
    with pytest.raises(InputError, match=r"'004\.png' is 'val 7' of the evaluation; a network must not"):
        refuse_shared_images(found, {found.pixels_sha256["004.png"]: "val 7"}, "the evaluation")
