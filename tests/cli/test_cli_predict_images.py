"""`rapsam predict` with images: every good kind works, every bad one is named, nothing is half-written."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from rapsam.data.coco_records import Rle
from rapsam.data.rle import decode_mask
from tests.cli.cli_runs import assert_refused, rapsam
from tests.cli.resealing import drop_graph

ROTATED_RIGHT = 6
ORIENTATION = 0x112


def save_kind(kind, pixels, folder):
    image = Image.fromarray(pixels)
    path = folder / f"{kind}.{'jpg' if kind in ('cmyk', 'exif', 'jpeg') else 'png'}"
    if kind == "16-bit":
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    elif kind == "exif":
        exif = image.getexif()
        exif[ORIENTATION] = ROTATED_RIGHT
        image.save(path, exif=exif)
        return path
    elif kind != "jpeg":
        modes = {"rgba": "RGBA", "grey": "L", "palette": "P", "cmyk": "CMYK", "two tones": "1"}
        image = image.convert(modes[kind])
    image.save(path)
    return path


def panoptic_ids(path):
    colours = np.asarray(Image.open(path)).astype(np.int64)
    return colours @ [1, 256, 65536]


def check_panoptic(out, name, height, width):
    """PNG and JSON in the COCO panoptic form, and an overlay of the image's size."""
    result = json.loads((out / f"{name}.panoptic.json").read_text())
    ids = panoptic_ids(out / result["annotations"][0]["file_name"])
    assert ids.shape == (height, width)
    (image,) = result["images"]
    assert (image["height"], image["width"]) == (height, width)
    segments = result["annotations"][0]["segments_info"]
    assert {segment["id"] for segment in segments} == set(np.unique(ids)) - {0}
    categories = {category["id"] for category in result["categories"]}
    for segment in segments:
        assert segment["area"] == np.count_nonzero(ids == segment["id"])
        assert segment["category_id"] in categories
    assert Image.open(out / f"{name}.overlay.png").size == (width, height)
    return segments


@pytest.mark.parametrize("kind", ["rgba", "grey", "16-bit", "palette", "two tones", "cmyk", "exif", "jpeg"])
def test_every_common_kind_of_image_works(kind, pixels, bundle, tmp_path):
    path = save_kind(kind, pixels, tmp_path)
    outcome = rapsam("predict", path, "--bundle", bundle, "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    size = (160, 120) if kind == "exif" else (120, 160)
    check_panoptic(tmp_path / "out", kind, *size)
    names = [f"{kind}.overlay.png", f"{kind}.panoptic.png", f"{kind}.panoptic.json"]
    assert outcome.out.splitlines() == [str(tmp_path / "out" / name) for name in names]
    assert sorted(found.name for found in (tmp_path / "out").iterdir()) == sorted(names)


def test_a_checkpoint_serves_as_well(photo, checkpoint, tmp_path, monkeypatch):
    """At the published size of 1333 x 800 px this would take long."""
    monkeypatch.setattr("rapsam.models.rapsam.model.COCO_TEST_SIZE", (160, 128))
    outcome = rapsam(
        *("predict", photo, "--model", "rapsam_nano", "--checkpoint", checkpoint),
        *("--box", "10,20,90,100", "--out", tmp_path / "out"),
    )
    assert outcome.code == 0, outcome.err
    assert "no classifier file: text prototypes by formula" in outcome.err


def test_prompts_give_one_mask_each(photo, bundle, tmp_path):
    out = tmp_path / "out"
    outcome = rapsam(
        *("predict", photo, "--bundle", bundle, "--out", out, "--point", "80,60", "--point", " 0, 119.5"),
        *("--box", "10,20,90,100", "--json"),
    )
    assert outcome.code == 0, outcome.err
    files = [str(out / "photo.overlay.png"), str(out / "photo.prompts.json")]
    assert json.loads(outcome.out) == {"written": {str(photo): files}, "failed": {}, "skipped": {}}
    result = json.loads((out / "photo.prompts.json").read_text())
    prompts = result["prompts"]
    assert [prompt["kind"] for prompt in prompts] == ["point", "point", "box"]
    assert [prompt["coordinates"] for prompt in prompts] == [[80, 60], [0, 119.5], [10, 20, 90, 100]]
    for prompt in prompts:
        rle = prompt["segmentation"]
        mask = decode_mask(Rle(size=tuple(rle["size"]), counts=rle["counts"]))
        assert mask.shape == (120, 160)
        assert mask.sum() == prompt["area"]


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("--point 160,20", "point 160,20 is outside the image; expected 0 <= x < 160 and 0 <= y < 120"),
        ("--point -5,20", "point -5,20 is outside the image"),
        ("--point=-5,20", "point -5,20 is outside the image"),
        ("--point nan,20", "point nan,20"),
        ("--point 1e999,20", "point 1e999,20 is not a place"),
        ("--point ３２,20", "point '３２,20'; expected x,y"),
        ("--point 1_0,20", "point '1_0,20'; expected x,y"),
        ("--box 1,2,1e300,3", "box 1,2,1e+300,3 leaves the image"),
        ("--point 5", "point '5'; expected x,y"),
        ("--point 5,6,7", "point '5,6,7'; expected x,y"),
        ("--point five,six", "point 'five,six'; expected x,y"),
        ("--point", "--point: expected one argument"),
        ("--box 60,70,20,90", "box 60,70,20,90 is empty; expected x1 < x2 and y1 < y2"),
        ("--box 20,70,60,70", "box 20,70,60,70 is empty"),
        ("--box 0,0,161,10", "box 0,0,161,10 leaves the image; expected x within 0..160"),
        ("--box -1,0,10,10", "box -1,0,10,10 leaves the image"),
        ("--box 1,2,3", "box '1,2,3'; expected x1,y1,x2,y2"),
        ("--box 1,2,inf,3", "box 1,2,inf,3"),
        ("--point 5,6 --box 9,9,1,1", "box 9,9,1,1 is empty"),
        ("--min-score 2", "--min-score 2.0; expected 0 to 1"),
        ("--min-score nan", "--min-score nan; expected 0 to 1"),
        ("--min-score much", "invalid float value: 'much'"),
        ("--min-score ０.５", "invalid float value: '０.５'"),
        ("--min-score 1e999", "--min-score inf; expected 0 to 1"),
    ],
)
def test_wrong_prompts_are_refused(prompt, says, photo, bundle, tmp_path):
    out = tmp_path / "out"
    assert_refused(rapsam("predict", photo, "--bundle", bundle, "--out", out, *prompt.split()), says)
    assert not out.exists()


def one_pixel(path):
    Image.new("RGB", (1, 1)).save(path)


def huge(path):
    Image.new("1", (20_000, 20_000)).save(path)


def long_and_thin(path):
    Image.new("1", (17_000, 10)).save(path)


def text(path):
    path.write_text("hello")


def empty(path):
    path.write_bytes(b"")


def cut_in_half(path):
    Image.effect_noise((100, 100), 50).save(path)
    os.truncate(path, path.stat().st_size // 2)


def folder(path):
    path.mkdir()


def missing(path):
    pass


def pipe(path):
    """Reading it would wait for ever."""
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (one_pixel, "is 1x1 px; expected sides of at least 2 px"),
        (huge, "is 400,000,000 px; expected at most 100 megapixels"),
        (long_and_thin, "is 17000x10 px; expected sides of at most 16384 px"),
        (text, "is not an image that can be read; expected one of JPEG, PNG"),
        (empty, "is empty"),
        (cut_in_half, "is damaged or truncated"),
        (folder, "holds no image or video"),
        (missing, "does not exist"),
        (pipe, "is not a plain file"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_bad_images_are_refused(make, says, bundle, tmp_path):
    path = tmp_path / "bad.png"
    make(path)
    outcome = rapsam("predict", path, "--bundle", bundle, "--out", tmp_path / "out")
    assert_refused(outcome, path, says)
    assert not (tmp_path / "out").exists()


def test_one_bad_image_does_not_stop_a_folder(photo, bundle, tmp_path):
    album = tmp_path / "album"
    album.mkdir()
    shutil.copy(photo, album / "a.PNG")
    shutil.copy(photo, album / ".hidden.png")
    text(album / "b.jpg")
    (album / "notes.txt").write_text("no image, and not meant")
    (album / "folder.png").mkdir()
    Image.open(photo).save(album / "c.webp")
    outcome = rapsam("predict", album, "--bundle", bundle, "--out", tmp_path / "out", "--json")
    assert outcome.code == 2
    result = json.loads(outcome.out)
    assert list(result["written"]) == [str(album / "a.PNG"), str(album / "c.webp")]
    (reason,) = result["failed"].values()
    assert reason.startswith(f"{album / 'b.jpg'} is not an image")
    assert f"error: {reason}" in outcome.err.splitlines()
    assert outcome.err.splitlines()[-1].startswith("2 done, 1 failed, 3 skipped; results in ")
    assert {path.name.partition(".")[0] for path in (tmp_path / "out").iterdir()} == {"a", "c"}


def test_names_with_spaces_and_other_letters(photo, bundle, tmp_path):
    odd = photo.rename(tmp_path / "weiß & 日本 'x'.png")
    outcome = rapsam("predict", odd, "--bundle", bundle, "--out", tmp_path / "my results")
    assert outcome.code == 0, outcome.err
    check_panoptic(tmp_path / "my results", odd.stem, 120, 160)
    result = json.loads((tmp_path / "my results" / f"{odd.stem}.panoptic.json").read_text())
    assert result["images"][0]["file_name"] == odd.name


def test_a_name_that_is_no_utf_8(photo, bundle, tmp_path):
    odd = tmp_path / os.fsdecode(b"caf\xe9.png")
    try:
        photo.rename(odd)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    outcome = rapsam("predict", odd, "--bundle", bundle, "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    result = json.loads((tmp_path / "out" / f"{odd.stem}.panoptic.json").read_text())
    assert result["images"][0]["file_name"] == "caf?.png"


def test_results_of_equal_names_do_not_overwrite_each_other(photo, bundle, tmp_path):
    other = tmp_path / "other" / photo.name
    other.parent.mkdir()
    shutil.copy(photo, other)
    out = ("--out", tmp_path / "out", "--bundle", bundle)
    assert_refused(rapsam("predict", photo, other, *out), photo, other, "have the same name")
    assert not (tmp_path / "out").exists()

    jpeg = photo.with_suffix(".jpg")
    Image.open(photo).save(jpeg)
    assert rapsam("predict", photo, photo, jpeg, *out).code == 0
    overlays = sorted(path.name for path in (tmp_path / "out").glob("*.overlay.png"))
    assert overlays == ["photo.jpg.overlay.png", "photo.png.overlay.png"]


@pytest.mark.parametrize("place", ["/dev/null/x", "photo.png", "photo.png/x", "a" * 300])
def test_an_unwritable_place_is_refused_before_any_work(place, photo, bundle):
    out = photo.parent / place
    outcome = rapsam("predict", photo, "--bundle", bundle, "--out", out)
    assert_refused(outcome, f"cannot write {out}", "choose a folder that you may write to")
    assert "loading" not in outcome.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "no network given; expected --bundle DIR, or --model NAME"),
        (["--bundle", "none"], "none is no folder; expected a bundle"),
        (["--bundle", "b", "--model", "rapsam_nano"], "--model beside --bundle"),
        (["--bundle", "b", "--checkpoint", "nano.pth"], "--checkpoint beside --bundle"),
        (["--bundle", "b", "--classifier", "joint"], "--classifier beside --bundle"),
        (["--checkpoint", "nano.pth"], "no network given"),
        (["--model", "r18"], "did you mean rapsam_r18?"),
    ],
)
def test_contradictions_are_refused(options, says, photo, tmp_path):
    assert_refused(rapsam("predict", photo, "--out", tmp_path / "out", *options), says)
    assert not (tmp_path / "out").exists()


def test_a_bundle_without_the_task_says_how_to_get_it(photo, bundle_copy, tmp_path):
    out = tmp_path / "out"
    everything = shutil.copytree(bundle_copy, tmp_path / "everything")
    drop_graph(bundle_copy, "panoptic")
    assert_refused(
        rapsam("predict", photo, "--bundle", bundle_copy, "--out", out),
        "predicting without --point and --box needs 'panoptic'",
        "--tasks panoptic prompt",
    )
    drop_graph(everything, "prompt")
    assert_refused(
        rapsam("predict", photo, "--bundle", everything, "--out", out, "--point", "3,3"),
        "--point, --box and --mask need 'prompt'",
    )
    assert not out.exists()
    assert rapsam("predict", photo, "--bundle", bundle_copy, "--out", out, "--point", "3,3").code == 0


def test_a_prompt_that_the_model_does_not_take_is_refused_by_name(photo, bundle, tmp_path):
    outcome = rapsam("predict", photo, "--bundle", bundle, "--point", "20,30,-", "--out", tmp_path / "out")
    assert_refused(outcome, "prompt 1 has the negative point 20,30", "one point or one box per prompt")
    assert not (tmp_path / "out").exists()


def test_a_point_may_say_that_it_is_positive(photo, bundle, tmp_path):
    found = []
    for place, point in enumerate(("20,30", "20,30,+")):
        outcome = rapsam(
            "predict", photo, "--bundle", bundle, "--point", point, "--out", tmp_path / str(place)
        )
        assert outcome.code == 0, outcome.err
        found.append((tmp_path / str(place) / "photo.prompts.json").read_bytes())
    assert found[0] == found[1]
