"""Results beside the reference, from what a bundle stores."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from rapsam.benchmarks.report.golden_pictures import golden_pictures
from rapsam.benchmarks.report.picture_drawing import draw_masks, draw_segments
from rapsam.benchmarks.report.sampled_masks import whole_masks
from rapsam.export.bundle.load import working_runtime
from rapsam.export.bundle.seal import verify_bundle
from rapsam.tasks.labels import find_label_set
from rapsam.tasks.panoptic import PanopticResult, SegmentInfo
from tests.cli.resealing import reseal

IMAGE = np.full((20, 30, 3), 90, np.uint8)


def shown(folder):
    manifest = verify_bundle(folder)
    return golden_pictures(folder, manifest, working_runtime("onnx", "a test"))


def test_a_faithful_bundle_differs_nowhere(tiny_bundle):
    found = shown(tiny_bundle)
    assert [(picture.task, picture.case) for picture in found.pictures] == [
        ("panoptic", "scene"),
        ("prompt", "scene"),
    ]
    assert all(picture.drawn.differing == 0 for picture in found.pictures)
    assert all((picture.drawn.reference == picture.drawn.exported).all() for picture in found.pictures)
    assert found.missing == ()


def test_a_wrong_one_differs_and_its_worst_picture_comes_first(wrong_bundle):
    first, second = shown(wrong_bundle).pictures
    assert first.task == "panoptic"
    assert first.drawn.differing > 0.5 > second.drawn.differing


def test_inputs_with_gaps_have_no_picture(tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "gaps")
    index = folder / "golden" / "index.json"
    content = json.loads(index.read_text())
    (image,) = (tensor for tensor in content["cases"][0]["inputs"] if tensor["name"] == "picture")
    count = -(-3 * 32 * 64 // 5)
    image |= {"step": 5, "file": "golden/image.bin"}
    (folder / image["file"]).write_bytes(bytes(4 * count))
    index.write_text(json.dumps(content))
    reseal(folder)
    assert shown(folder) == ((), ("any task on scene: its inputs are not stored whole",))


def segments(*parts: tuple[int, int, slice]) -> PanopticResult:
    """Makes a result of (id, class, columns); the rest is void."""
    panoptic_map = np.full(IMAGE.shape[:2], 40, np.int32)
    found = []
    for number, label, columns in parts:
        panoptic_map[:, columns] = number
        area = int((panoptic_map == number).sum())
        found.append(SegmentInfo(id=number, class_index=label, is_thing=True, score=0.9, area=area, query=0))
    return PanopticResult(panoptic_map=panoptic_map, segments=tuple(found), void=40)


def test_the_numbers_of_segments_do_not_matter():
    labels = find_label_set("ytvis_2019")
    one = segments((1000, 0, slice(0, 10)), (2000, 0, slice(10, 20)))
    other = segments((2000, 0, slice(0, 10)), (1000, 0, slice(10, 20)))
    assert draw_segments(IMAGE, one, other, labels).differing == 0


@pytest.mark.parametrize(
    ("other", "share"),
    [
        (segments((1000, 0, slice(0, 12))), 2 / 30),
        (segments((1001, 1, slice(0, 10))), 10 / 30),
        (segments(), 10 / 30),
        (segments((1000, 0, slice(0, 30))), 1),  # not the same segment: it shares too little
    ],
)
def test_pixels_of_other_segments_differ(other, share):
    drawn = draw_segments(IMAGE, segments((1000, 0, slice(0, 10))), other, find_label_set("ytvis_2019"))
    assert drawn.differing == pytest.approx(share) or share == 1
    assert ((drawn.difference == (214, 39, 40)).all(axis=2).mean()) == pytest.approx(drawn.differing)


def test_masks_of_prompts_are_compared_prompt_by_prompt():
    masks = np.zeros((2, 20, 30), np.bool_)
    masks[0, :, :3] = True
    assert draw_masks(IMAGE, masks, masks).differing == 0
    assert draw_masks(IMAGE, masks, masks[::-1]).differing == pytest.approx(0.1)


@pytest.mark.parametrize("step", [1, 7, 41])
def test_gaps_between_stored_values_are_filled(step):
    down, across = np.mgrid[:64, :64]
    maps = np.stack([down - 30.5, across - 20.5, 20 - np.hypot(down - 32, across - 32)])[None].astype(
        np.float32
    )
    flat = maps.ravel()[::step]
    wanted = np.array([True, True, True])
    whole = whole_masks((flat, flat + 1), maps.shape, step, wanted)
    assert whole.shape == (2, 3, 64, 64)
    agree = ((whole[0] > 0) == (maps[0] > 0)).mean()
    assert agree > (0.999 if step == 1 else 0.97)
    np.testing.assert_allclose(whole[1] - whole[0], 1, atol=1e-4)


def test_maps_that_nobody_wants_are_empty_and_too_few_values_are_refused():
    flat = np.ones(-(-2 * 64 * 64 // 7), np.float32)
    whole = whole_masks((flat,), (1, 2, 64, 64), 7, np.array([False, True]))
    assert (whole[0, 0] < -50).all()
    assert (whole[0, 1] == 1).all()
    assert whole_masks((flat[:60],), (1, 2, 64, 64), 301, np.array([True, True])) is None
