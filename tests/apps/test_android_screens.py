"""The Android app's screens fit on small phones and with large texts, as far as a browser can tell."""

from __future__ import annotations

import numpy as np
import pytest

from apps.android.preview.fonts import find_fonts
from apps.android.preview.widgets import Run, Shown
from apps.android.preview.window import Phone, app_resources, page
from rapsam.errors import InputError
from tests.apps.android_screens import (
    Drawn,
    ask,
    camera_screen,
    coloured,
    keep_png,
    photo_screen,
    report_screen,
)
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle

ENTRIES = [["Tap 1, 3 points", "predicted IoU 0.93", -1], ["mushroom 12", "score 100 %, area 39 %", -65536]]
TOLD = {
    "count": 100,
    "milliseconds": 12345,
    "asked": [],
    "finds_objects": True,
    "meanings": ["new_region", "add", "take_away"],
    "entries": ENTRIES,
}
PICTURE = np.full((640, 480, 3), 120, np.uint8)
LONG = "the photo cannot be read: it is damaged, or of an unknown format; take a JPEG or PNG"
REPORT = "signal over error 126 dB, expected about 126 dB"
"""The longest line of a self-test that is no sentence."""
PHONES = [
    Phone(412, 892),
    Phone(412, 892, 1.8),
    Phone(360, 640),
    Phone(360, 640, 1.5),
    Phone(320, 568),
    Phone(320, 568, 1.3),
    Phone(892, 412),
    Phone(640, 360, 1.3),
]

# A word on two lines, a text wider than its view, a view outside of the screen, or one too small to touch.
FAULTS = """() => {
  const faults = [];
  const inside = document.querySelector('.content').getBoundingClientRect();
  for (const view of document.querySelectorAll('.view')) {
    const box = view.getBoundingClientRect(), name = view.id || view.className;
    const isWide = box.left < inside.left - 0.5 || box.right > inside.right + 0.5;
    const isScrolled = view.parentElement.closest('.ScrollView') !== null;
    if (!isScrolled && (isWide || box.bottom > inside.bottom + 0.5)) faults.push(`${name} is outside`);
    const isSmall = Math.min(box.width, box.height) < 47.9;
    if (isSmall && view.classList.contains('touched')) faults.push(`${name} is small`);
    if (view.matches('.PhotoView, .ImageView') && box.height < 100) faults.push(`${name} is low`);
  }
  for (const text of document.querySelectorAll('.text')) {
    const box = text.closest('.view').getBoundingClientRect();
    const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      for (const word of walker.currentNode.data.matchAll(/\\S+/g)) {
        const range = document.createRange();
        range.setStart(walker.currentNode, word.index);
        range.setEnd(walker.currentNode, word.index + word[0].length);
        const places = [...range.getClientRects()];
        if (new Set(places.map(place => Math.round(place.top))).size > 1) faults.push(`${word[0]} breaks`);
        if (places.some(place => place.right > box.right + 0.5)) faults.push(`${word[0]} is cut off`);
      }
    }
  }
  return faults;
}"""


@pytest.fixture(scope="module")
def fonts():
    found = find_fonts()
    if found is None:
        pytest.skip("Android's fonts are not there; run python -m apps.android.preview.fonts")
    return found


def every_screen(phone):
    """Each screen, with the longest that it says."""
    texts, _ = app_resources(phone)
    asked = photo_screen(TOLD, PICTURE, texts)
    failed = asked._replace(screen={**asked.screen, "problem": Shown(LONG, visible=True)})
    told = {"runtimes": ["ONNX Runtime, XNNPACK"]}
    first = Drawn("MainActivity", "main", {"status": Shown(texts.text("ready", "rapsam_nano, onnx-fp32"))})
    return {
        "first": first,
        "asked": asked,
        "failed": failed,
        "camera": camera_screen(TOLD, PICTURE, texts),
        "self-test": report_screen("SelfTestActivity", told, REPORT),
    }


@pytest.fixture(scope="module")
def opened(browser):
    page = browser.new_page()
    yield page
    page.close()


def draw(opened, drawn, phone, fonts):
    opened.set_viewport_size({"width": phone.width, "height": phone.height})
    opened.set_content(page(drawn.activity, drawn.layout, drawn.screen, phone, menu=True, fonts=fonts))
    opened.evaluate("document.fonts.ready")


@pytest.mark.parametrize(
    "phone", PHONES, ids=lambda phone: f"{phone.width}x{phone.height}-{phone.font_scale}"
)
def test_screens_fit(opened, fonts, phone):
    for name, drawn in every_screen(phone).items():
        draw(opened, drawn, phone, fonts)
        assert opened.evaluate(FAULTS) == [], name


def test_a_line_of_a_report_fits_on_a_small_phone(opened, fonts):
    phone = Phone(360, 640)
    draw(opened, every_screen(phone)["self-test"], phone, fonts)
    assert opened.locator("#report").bounding_box()["height"] < 2 * 12 * 1.172 + 8


def test_what_does_not_fit_is_told(opened, fonts):
    phone = Phone(360, 640, 3.0)
    draw(opened, every_screen(phone)["failed"], phone, fonts)
    assert {"Camera breaks", "picture is low"} <= set(opened.evaluate(FAULTS))
    opened.evaluate("document.querySelector('#photo').style = 'height:40px'")
    assert "photo is small" in opened.evaluate(FAULTS)


def box_of(opened, name):
    box = opened.locator(name).bounding_box()
    return [box[side] for side in ("x", "y", "width", "height")]


def test_views_are_where_android_puts_them(opened):
    """By hand: bars of 24, 56 and 48 dp, a row of four buttons, and a picture of three of four parts."""
    phone = Phone(360, 640)
    draw(opened, every_screen(phone)["first"], phone, None)
    assert box_of(opened, "#photo") == [0, 80, 90, 48]
    assert box_of(opened, "#share") == [270, 80, 90, 48]
    (_, y, _, height) = box_of(opened, "#status")
    left = 640 - 48 - (y + height)
    assert box_of(opened, "#picture") == pytest.approx([0, y + height, 360, left * 3 / 4])
    assert opened.locator("#changes").count() == opened.locator("#problem").count() == 0


def test_a_screen_says_what_its_activity_says():
    texts, _ = app_resources(PHONES[0])
    said = photo_screen({**TOLD, "meanings": ["new_region"], "finds_objects": False}, PICTURE, texts).screen
    assert said["status"].text == "100 segments, 12345 ms"
    assert not said["changes"].visible
    assert not said["camera"].enabled
    assert (
        photo_screen({**TOLD, "count": None}, PICTURE, texts).screen["status"].text.startswith("Tap a place")
    )
    assert (
        photo_screen({**TOLD, "asked": [[1, 2]]}, PICTURE, texts).screen["status"].text
        == "Region found, 12345 ms"
    )
    assert coloured(ENTRIES)[2:] == (Run("\u25a0 ", "#ff0000"), Run("mushroom 12: score 100 %, area 39 %\n"))
    assert camera_screen(TOLD, PICTURE, texts).screen["found"].text[1] == Run("Tap 1, 3 points\n")


def test_the_titles_are_those_of_the_manifest():
    phone = PHONES[0]
    told = {
        activity: page(activity, layout, {}, phone, menu=False, fonts=None)
        for activity, layout in (
            ("MainActivity", "main"),
            ("CameraActivity", "camera"),
            ("SelfTestActivity", "report"),
            ("BenchmarkActivity", "report"),
        )
    }
    for activity, title in zip(told, ("RapSAM", "Camera", "Self-test", "Benchmark"), strict=True):
        assert f"<title>{title}</title>" in told[activity]
    with pytest.raises(InputError, match="declares no OtherActivity"):
        page("OtherActivity", "main", {}, phone, menu=False, fonts=None)


def test_the_core_says_what_the_screens_show(android_app, tmp_path):
    write_tiny_bundle(tmp_path / "tiny")
    photo = keep_png(PICTURE[:48, :64], tmp_path / "photo.png")
    told, picture = ask(
        android_app, "photo", tmp_path / "tiny", {"photo": photo, "prompts": [[9, 9]]}, tmp_path
    )
    assert told["finds_objects"]
    assert told["meanings"] == ["new_region"]
    assert [entry[0] for entry in told["entries"]] == ["Tap 1"]
    assert picture.shape == (48, 64, 3)
    assert np.any(picture != 120)
    told, picture = ask(android_app, "camera", tmp_path / "tiny", {"frames": [photo, photo]}, tmp_path)
    assert len(told["entries"]) == told["count"]
    assert picture.shape == (48, 64, 3)
    told, _ = ask(android_app, "report", tmp_path / "tiny", None, tmp_path)
    assert told["runtimes"][0] == "ONNX Runtime"
    assert "outputs are right" in told["self_test"]
    assert told["benchmark"].startswith("Medians on ")
    with pytest.raises(SystemExit, match="expected photo, camera or report"):
        ask(android_app, "other", tmp_path / "tiny", None, tmp_path)
