"""The iOS app's screens: its own SwiftUI code on our stage, with fingers on it, at the sizes of phones."""

from __future__ import annotations

import pytest

import rapsam
from apps.ios.toolchain.stage import build_stage
from apps.ios.toolchain.tools import missing
from tests.apps.ios_screens import on_stage
from tests.apps.test_moving_pictures import clip
from tests.apps.test_photo_page import photo
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle

SIZE = (40, 60)
PHONES = {"small, zoomed": (320, 568), "small": (375, 667), "usual": (393, 852)}


@pytest.fixture(scope="module")
def stage():
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    return build_stage()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_tiny_bundle(folder, follows=True)
    return folder


def phone(name):
    width, height = PHONES[name]
    return {"viewport": {"width": width, "height": height}}


def buttons(app):
    """Those that can be pressed."""
    found = app.page.get_by_role("button").all()
    return [each.inner_text() for each in found if each.is_enabled()]


@pytest.mark.parametrize("name", PHONES)
def test_fingers_ask_for_regions_at_their_places_and_take_them_back(stage, browser, folder, name):
    with on_stage(stage, browser, folder, **phone(name)) as app:
        app.wait("ONNX Runtime")
        assert buttons(app) == ["Photo"]
        assert "No photo yet" in app.text
        assert app.misfits() == []
        app.pick("Photo", app.photo(photo(*SIZE)))
        app.wait("found; tap what you want")
        assert app.page.locator("text=■").count() > 1
        assert buttons(app) == ["Photo"]
        app.tap(0.75, 0.3)
        app.wait("Tap 1")
        app.drag((0.1, 0.2), (0.8, 0.9), is_up=False)
        assert app.page.locator("rect").count() == 1
        app.drag((0.1, 0.2), (0.8, 0.9))
        app.wait("Box 2")
        assert app.page.locator("rect").count() == 0
        height, width = SIZE
        expected = rapsam.load_bundle(folder).predict(
            photo(*SIZE),
            points=[(0.75 * width, 0.3 * height)],
            boxes=[(0.1 * width, 0.2 * height, 0.8 * width, 0.9 * height)],
        )
        for iou in expected.predicted_iou:
            assert f"predicted IoU {iou:.2f}" in app.text
        assert app.misfits() == []
        app.press("Undo")
        app.wait("Done")
        assert "Box 2" not in app.text
        app.press("Clear")
        app.wait("score")
        assert buttons(app) == ["Photo"]


@pytest.mark.parametrize("name", PHONES)
def test_points_are_added_taken_away_and_refused(stage, browser, sam_bundle, name):
    most = rapsam.load_bundle(sam_bundle).prompt_spec().max_points
    with on_stage(stage, browser, sam_bundle, **phone(name)) as app:
        app.wait("ONNX Runtime")
        app.pick("Photo", app.photo(photo(*SIZE)))
        app.wait("Ready: tap")
        app.choose("Take away")
        app.tap(0.5, 0.5)
        app.wait("no region yet")
        app.choose("Add")
        for count in range(1, most + 1):
            app.tap(count / (most + 1), 0.4)
            app.wait(f"Tap 1, {count} points" if count > 1 else "Tap 1")
        app.tap(0.9, 0.9)
        app.wait(f"the region has {most + 1} points")
        assert app.misfits() == []
        app.choose("Camera")
        app.wait("finds no objects by itself")
        assert app.misfits() == []


def test_the_camera_is_followed_while_its_screen_is_there(stage, browser, folder):
    with on_stage(stage, browser, folder, clip(5), **phone("usual")) as app:
        app.choose("Camera")
        app.wait("Opening the camera|objects in")
        app.wait("#1")
        assert app.page.locator("img").count() == 1
        assert app.misfits() == []
        app.choose("Photo")
        assert app.page.locator("img").count() == 0
        app.choose("Camera")
        app.wait("objects in")


def test_a_phone_without_camera_says_so(stage, browser, folder):
    with on_stage(stage, browser, folder, **phone("usual")) as app:
        app.choose("Camera")
        app.wait("camera")
        app.wait("choose a photo")


@pytest.mark.parametrize("name", PHONES)
def test_self_test_and_benchmark_say_what_they_do_and_found(stage, browser, folder, name):
    with on_stage(stage, browser, folder, **phone(name)) as app:
        for tab, words, done in (
            ("Self-test", "Compares what this phone computes", "outputs are right"),
            ("Benchmark", "Measures how long", "Medians on"),
        ):
            app.choose(tab)
            app.wait("ONNX Runtime")
            assert words in app.text
            assert "Compute unit" in app.text
            app.press("Start")
            app.wait(done)
            assert app.misfits() == []
            assert buttons(app) == ["Start"]


def test_what_is_no_bundle_is_said_on_the_screen(stage, browser, tmp_path):
    with on_stage(stage, browser, tmp_path, **phone("small")) as app:
        app.wait("cannot read manifest.json")
        assert app.misfits() == []


@pytest.mark.parametrize(
    "style",
    [
        "button { min-width: 200px }",
        "button { width: 20px }",
        "[data-measured] { min-height: 700px !important }",
    ],
)
def test_what_does_not_fit_is_seen(stage, browser, folder, style):
    with on_stage(stage, browser, folder, **phone("small")) as app:
        assert app.misfits() == []
        app.page.add_style_tag(content=style)
        assert app.misfits()


def test_what_cannot_be_done_on_the_stage_ends_it(stage, browser, folder):
    with (
        on_stage(stage, browser, folder, **phone("usual")) as app,
        pytest.raises(AssertionError, match="nothing at nowhere listens"),
    ):
        app.look(place="nowhere")
