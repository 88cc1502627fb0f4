"""The page for photos computes what Python computes, and shows it: in a real browser, with a tiny bundle."""

from __future__ import annotations

import base64

import numpy as np
import pytest

import rapsam
from rapsam.data.images import read_image
from rapsam.data.orientation import EXIF_ORIENTATIONS
from rapsam.tasks.labels import find_label_set
from rapsam.tasks.overlay import Layer, line_width, paint_masks
from rapsam.tasks.palette import class_colour
from rapsam.tasks.panoptic import INSTANCE_STEP
from tests.apps.photo_pages import (
    COMPUTE,
    DECODE,
    DROP,
    SHOWN,
    encoded,
    give,
    opened,
    page_table,
    pixels_of,
    status,
)
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle

IOU = 0.999
LABELS = find_label_set("ytvis_2019").labels
SIZES = ((45, 150), (130, 41), (64, 64))


def photo(height, width):
    """Parts of clearly different colours: the tiny network finds a thing in each."""
    down, across = np.mgrid[:height, :width]
    blue = np.full_like(down, 180)
    image = np.stack([40 + across * 120 // width, 30 + down * 60 // height, blue], axis=-1).astype(np.uint8)
    image[height // 2 :, : width * 2 // 3] = (20, 200, 10)
    image[: height // 3, width * 3 // 5 :] = (10, 220, 30)
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_tiny_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def bundle(folder):
    return rapsam.load_bundle(folder)


@pytest.fixture(scope="module")
def page_and_complaints(browser, folder):
    with opened(browser, page_table(folder), has_touch=True) as (page, complaints):
        assert status(page, "Ready").startswith("Ready")
        yield page, complaints


@pytest.fixture
def page(page_and_complaints):
    """The page, with no photo of another test to be mistaken for one's own."""
    page, complaints = page_and_complaints
    yield page
    assert complaints.errors == []
    assert all(url.startswith((page.url.rsplit("/", 1)[0], "data:", "blob:")) for url in complaints.requested)


def iou(one, other):
    either = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / either if either else 1.0


def shown(page, name, pixels):
    """Gives a photo and waits until its objects are found."""
    give(page, name, encoded(pixels))
    return status(page, "found in")


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_objects_and_regions_are_those_of_python(page, bundle, size):
    image = photo(*size)
    height, width = size
    points = [(0.0, 0.0), (width * 0.75, height * 0.3), (width - 0.5, height - 0.25)]
    boxes = [(width * 0.1, height * 0.2, width * 0.8, height * 0.9), (0.0, 0.0, width, height)]
    prompts = [{"points": [list(point)]} for point in points] + [{"box": list(box)} for box in boxes]
    file = base64.b64encode(encoded(image)).decode()
    found = page.evaluate(COMPUTE, {"name": "a.png", "bytes": file, "prompts": prompts})
    expected = bundle.predict(image)
    assert len(expected.segments) > 1
    drawn = np.array(found["map"]).reshape(found["size"])
    facts = [(each["id"], each["classIndex"], each["query"]) for each in found["segments"]]
    assert facts == [(each.id, each.class_index, each.query) for each in expected.segments]
    for segment, mine in zip(expected.segments, found["segments"], strict=True):
        assert iou(drawn == segment.id, expected.panoptic_map == segment.id) >= IOU
        assert mine["score"] == pytest.approx(segment.score, abs=1e-6)
    answered = bundle.predict(image, points=points, boxes=boxes)
    for mine, mask in zip(found["masks"], answered.masks, strict=True):
        assert iou(np.array(mine, bool).reshape(size), mask) >= IOU
    np.testing.assert_allclose(found["iou"], answered.predicted_iou, atol=1e-6)


def test_the_picture_and_the_legend_show_what_was_found(page, bundle):
    image = photo(60, 110)
    expected = bundle.predict(image)
    assert shown(page, "photo.png", image).startswith(f"{len(expected.segments)} segments found")
    entries = page.locator("#legend button")
    names = [LABELS[each.class_index].name for each in expected.segments]
    for entry, segment, name in zip(entries.all(), expected.segments, names, strict=True):
        assert name in entry.inner_text()
        assert f"score {segment.score:.0%}".replace("%", " %") in entry.inner_text()
        assert int(entry.get_attribute("data-id")) == segment.id
    layers = [
        Layer(
            expected.panoptic_map == each.id,
            class_colour(each.class_index, max(each.id // INSTANCE_STEP - 1, 0)),
        )
        for each in expected.segments
    ]
    canvas = image.copy()
    paint_masks(canvas, layers, line_width(image))
    assert np.mean(pixels_of(page.evaluate(SHOWN)) == canvas) >= IOU
    entries.first.click()
    assert entries.first.get_attribute("aria-pressed") == "true"
    alone = image.copy()
    paint_masks(alone, layers[:1], line_width(image))
    assert np.mean(pixels_of(page.evaluate(SHOWN)) == alone) >= IOU
    page.get_by_text("Photo", exact=True).first.click()
    assert np.array_equal(pixels_of(page.evaluate(SHOWN)), image)
    with page.expect_download() as saved:
        page.get_by_text("Save this picture").click()
    assert saved.value.suggested_filename == "rapsam.png"
    assert np.array_equal(read_image(saved.value.path()), image)


def test_a_photo_may_be_dropped_and_the_last_one_counts(page, bundle):
    first, last = photo(40, 60), photo(62, 40)
    give(page, "first.png", encoded(first))
    page.evaluate(DROP, {"name": "last.png", "bytes": base64.b64encode(encoded(last)).decode()})
    page.locator("#frame canvas[height='62']").wait_for()
    expected = bundle.predict(last)
    assert status(page, "found in").startswith(f"{len(expected.segments)} segment")
    ids = [int(entry.get_attribute("data-id")) for entry in page.locator("#legend button").all()]
    assert ids == [each.id for each in expected.segments]


def test_a_tap_a_box_and_keys_ask_for_regions(page, bundle):
    image = photo(50, 90)
    shown(page, "photo.png", image)
    canvas = page.locator("#photo")
    place = canvas.bounding_box()
    x, y = place["x"] + place["width"] / 4, place["y"] + place["height"] / 2
    page.touchscreen.tap(x, y)
    (mask,) = bundle.predict(image, points=[(90 / 4, 25.0)]).masks
    assert f"Region 1 has {np.count_nonzero(mask):,} pixels" in status(page, "Region 1 has")
    page.get_by_text("a box", exact=True).click()
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + place["width"] / 2, y + place["height"] / 4)
    assert page.locator("#band").is_visible()
    page.mouse.up()
    (mask,) = bundle.predict(image, boxes=[(90 / 4, 25.0, 90 * 3 / 4, 37.5)]).masks
    assert f"Region 2 has {np.count_nonzero(mask):,} pixels" in status(page, "Region 2 has")
    page.get_by_text("a tap", exact=True).click()
    canvas.focus()
    for key in ("Shift+ArrowRight", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    step = 0.01 * 90
    (mask,) = bundle.predict(image, points=[(45 + 5 * step, 25 - step)]).masks
    assert f"Region 3 has {np.count_nonzero(mask):,} pixels" in status(page, "Region 3 has")
    assert page.locator("#cross").is_visible()
    assert page.locator("#legend li").count() == 3
    page.get_by_role("button", name="Clear my regions").click()
    assert page.locator("#found").inner_text() == "Objects"


def test_keys_alone_lead_to_the_photo_and_around_a_thing(page, bundle):
    image = photo(50, 90)
    shown(page, "photo.png", image)
    page.locator("h1").click()
    reached = []
    while "photo" not in reached and len(reached) < 15:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("() => document.activeElement.id || document.activeElement.value"))
    assert reached == ["file", "camera", "objects", "point", "photo"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    assert "Drag a box" in page.locator("#how").inner_text()
    for key in ("Enter", "Escape", "Enter", "Shift+ArrowRight", "Shift+ArrowDown", "Enter"):
        page.keyboard.press(key)
    step = 0.05 * 90
    (mask,) = bundle.predict(image, boxes=[(45, 25, 45 + step, 25 + step)]).masks
    assert f"Region 1 has {np.count_nonzero(mask):,} pixels" in status(page, "Region 1 has")
    page.get_by_role("radio", name="a tap").check(force=True)
    page.get_by_role("button", name="Clear my regions").click()


@pytest.mark.parametrize("value", EXIF_ORIENTATIONS)
def test_a_photo_that_is_stored_turned_is_read_as_python_reads_it(page, tmp_path, value):
    from PIL import Image

    # Flat blocks of the decoder's own size come out alike of every decoder.
    blocks = np.random.default_rng(value).integers(0, 256, (3, 5, 3), dtype=np.uint8)
    tag = Image.Exif()
    tag[0x0112] = value
    large = blocks.repeat(16, axis=0).repeat(16, axis=1)
    content = encoded(large, "JPEG", quality=100, subsampling=0, exif=tag)
    path = tmp_path / "turned.jpg"
    path.write_bytes(content)
    read = page.evaluate(DECODE, {"name": path.name, "bytes": base64.b64encode(content).decode()})
    expected = read_image(path)
    found = pixels_of(read)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("mode", ["RGBA", "L", "P"])
def test_other_kinds_of_pixels_are_read_as_python_reads_them(page, tmp_path, mode):
    from PIL import Image

    image = Image.fromarray(photo(20, 30)).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.fromarray((np.mgrid[:20, :30][1] * 8).astype(np.uint8)))
    path = tmp_path / "photo.png"
    image.save(path)
    file = base64.b64encode(path.read_bytes()).decode()
    found = pixels_of(page.evaluate(DECODE, {"name": path.name, "bytes": file}))
    assert np.abs(found.astype(int) - read_image(path)).max() <= 2


def test_a_very_large_photo_is_made_smaller_and_said_to_be(page):
    file = base64.b64encode(encoded(np.zeros((4000, 5000), np.uint8))).decode()
    read = page.evaluate(DECODE, {"name": "large.png", "bytes": file, "isShort": True})
    height, width, _ = read["size"]
    assert "has 5000 x 4000 pixels" in read["note"]
    assert f"at {width} x {height}." in read["note"]
    assert 0.99 * 4096**2 < height * width <= 4096**2
    assert width / height == pytest.approx(5 / 4, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "row.png",
            encoded(np.zeros((1, 40, 3), np.uint8)),
            "is 40x1 px; expected sides of at least 2 px",
        ),
        (
            "long.png",
            encoded(np.zeros((2, 20_000), np.uint8)),
            "20000x2 px; expected sides of at most 16384",
        ),
        ("empty.png", b"", "empty.png is empty; take another photo"),
        ("text.png", b"no image at all", "text.png cannot be read"),
        ("cut.png", encoded(photo(60, 60))[:40], "cut.png cannot be read"),
    ],
)
def test_a_photo_that_cannot_be_used_is_refused_by_name_and_the_page_goes_on(page, name, content, says):
    give(page, name, content)
    page.locator("#problem", has_text=name).wait_for(timeout=60_000)
    assert says in page.locator("#problem").inner_text()
    assert page.locator("#status").inner_text() == "That did not work"
    assert "found in" in shown(page, "good.png", photo(30, 40))
    assert page.locator("#problem").is_hidden()


@pytest.mark.parametrize("width", [320, 360])
def test_the_page_fits_a_small_phone_and_names_its_controls(page, width):
    page.set_viewport_size({"width": width, "height": 640})
    shown(page, "photo.png", photo(70, 30))
    assert page.get_by_text("Choose a photo or video").bounding_box()["height"] < 50  # one line
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    for role, name in (
        ("radio", "Objects"),
        ("radio", "a box"),
        ("application", "Photo; ask"),
    ):
        assert page.get_by_role(role, name=name).count() == 1
    assert page.get_by_label("Choose a photo").count() == 1
    small = page.evaluate(
        "() => [...document.querySelectorAll('button, .button, fieldset span')]"
        ".filter((each) => each.offsetHeight && each.offsetHeight < 36).map((each) => each.textContent)"
    )
    assert small == []
