"""Bundles of the kind of SAM on the page: points in slots, Pillow's way to resize, one of several masks."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest

import rapsam
from rapsam.export.parity.sample_images import draw_scene
from rapsam.tasks.prompt_set import Prompt, PromptSet
from tests.apps.photo_pages import ASK, encoded, give, opened, page_table, problem, status, with_manifest
from tests.apps.test_photo_page import iou

IOU = 0.999
SHAPES = ((90, 64), (150, 200), (64, 27), (96, 96))


@pytest.fixture(scope="module", params=["sam_bundle", pytest.param("clicker_bundle", id="clicker")])
def folder(request):
    return request.getfixturevalue(request.param)


def prompts_on(height, width):
    points = ((width / 3, height / 2), (0.0, 0.0), (width - 0.5, height * 0.2))
    boxes = [(width * 0.2, height * 0.1, width * 0.7, height * 0.8), (0.0, 0.0, width, height)]
    return points, boxes


def area(line):
    """Pixels of a region, as the page says."""
    return int(re.search(r"has ([\d,]+) pixels", line)[1].replace(",", ""))


@pytest.mark.slow
@pytest.mark.parametrize("choice", ["iou", "stability"])
def test_regions_are_those_of_python(browser, folder, choice):
    def chosen_by(manifest):
        manifest["prompts"]["choice"] = choice

    bundle, chosen = rapsam.load_bundle(folder), set()
    with opened(browser, with_manifest(page_table(folder), chosen_by)) as (page, complaints):
        assert status(page, "Ready").startswith("Ready")
        for shape in SHAPES:
            image, (points, boxes) = draw_scene(3, shape), prompts_on(*shape)
            asked = [{"points": [point]} for point in points] + [{"box": box} for box in boxes]
            asked.append({"points": points[:2], "positive": [True, False]})
            asked.append({"points": points[1:2], "box": boxes[0]})
            file = base64.b64encode(encoded(image)).decode()
            found = page.evaluate(ASK, {"name": "a.png", "bytes": file, "prompts": asked})
            several = (
                Prompt(points=points[:2], positive=(True, False)),
                Prompt(points=points[1:2], positive=(True,), box=boxes[0]),
            )
            prompts = PromptSet((*PromptSet.of(points, boxes).prompts, *several))
            expected = bundle.segment(image, prompts, choose=choice)
            for mine, mask in zip(found["masks"], expected.masks, strict=True):
                assert iou(np.array(mine, bool).reshape(shape), mask) >= IOU
            np.testing.assert_allclose(found["iou"], expected.predicted_iou, atol=1e-5)
            chosen |= set(expected.chosen.tolist())
        assert complaints.errors == []
    assert len(chosen) > 1


@pytest.mark.slow
def test_a_tap_and_a_box_ask_for_regions_and_nothing_else_is_offered(browser, sam_bundle):
    image = draw_scene(3, (60, 90))
    bundle = rapsam.load_bundle(sam_bundle)
    with opened(browser, page_table(sam_bundle), has_touch=True) as (page, complaints):
        status(page, "Ready")
        assert page.get_by_role("button", name="Use the camera").count() == 0
        give(page, "photo.png", encoded(image))
        assert status(page, "ready for your questions").startswith("photo.png, 90 x 60 pixels")
        assert page.get_by_role("radio", name="Objects").is_disabled()
        place = page.locator("#photo").bounding_box()
        x, y = place["x"] + place["width"] / 4, place["y"] + place["height"] / 2
        page.touchscreen.tap(x, y)
        (mask,) = bundle.predict(image, points=[(90 / 4, 30.0)]).masks
        assert area(status(page, "Region 1 has")) == pytest.approx(np.count_nonzero(mask), rel=1 - IOU)
        page.get_by_text("a box", exact=True).click()
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + place["width"] / 2, y + place["height"] / 4)
        page.mouse.up()
        (mask,) = bundle.predict(image, boxes=[(90 / 4, 30.0, 90 * 3 / 4, 45.0)]).masks
        assert area(status(page, "Region 2 has")) == pytest.approx(np.count_nonzero(mask), rel=1 - IOU)
        assert complaints.errors == []


@pytest.mark.slow
def test_taps_change_a_region_and_are_undone(browser, sam_bundle):
    image = draw_scene(3, (60, 90))
    bundle = rapsam.load_bundle(sam_bundle)
    known = bundle.embed(image)
    with opened(browser, page_table(sam_bundle)) as (page, complaints):
        status(page, "Ready")
        give(page, "photo.png", encoded(image))
        status(page, "ready for your questions")

        def tap(x, y):
            """Clicks a pixel of the screen; returns where that is in the photo."""
            place = page.locator("#photo").bounding_box()
            x, y = round(place["x"] + place["width"] * x), round(place["y"] + place["height"] * y)
            page.mouse.click(x, y)
            scale = 90 / place["width"]
            return (x - place["x"]) * scale, (y - place["y"]) * scale

        page.get_by_text("less of it", exact=True).click()
        tap(0.1, 0.1)
        assert problem(page) == "there is no region yet; ask for one with a tap or a box first"
        page.get_by_text("a tap", exact=True).click()
        point = tap(0.25, 0.5)
        first = known.segment(PromptSet((Prompt(points=(point,), positive=(True,)),)))
        assert area(status(page, "Region 1 has")) == pytest.approx(np.count_nonzero(first.masks), rel=1 - IOU)
        page.get_by_text("less of it", exact=True).click()
        other = tap(0.75, 0.75)
        both = Prompt(points=(point, other), positive=(True, False), mask=first.logits[0])
        second = np.count_nonzero(known.segment(PromptSet((both,))).masks)
        assert second != np.count_nonzero(first.masks)
        status(page, f"Region 1 has {second:,} pixels")
        assert page.locator("#legend .name").all_inner_texts() == ["2 taps"]
        tap(0.1, 0.1)
        assert problem(page) == "3 points for one region; this model takes 2: begin another region"
        undo = page.get_by_role("button", name="Undo the last tap or box")
        undo.click()
        status(page, "1 region left")
        assert page.locator("#legend .name").inner_text().startswith("Tap 2")
        undo.click()
        status(page, "No region is left")
        assert undo.is_hidden()
        assert complaints.errors == []
