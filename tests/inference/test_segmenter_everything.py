"""All regions of an image, by the family of `tests.point_family`, which answers points with discs."""

from __future__ import annotations

import numpy as np
import pytest

import rapsam
from rapsam.errors import InputError, MemoryLimitError
from rapsam.export.parity.sample_images import draw_scene
from rapsam.tasks.everything import EverythingSpec
from tests.other_family import VARIANT as BOXER

IMAGE = draw_scene(3, (48, 64))
# Discs of a few pixels, with soft borders, in a picture of 16 x 16 logits.
SPEC = EverythingSpec(points_per_side=4, min_iou=0.0, min_stability=0.3)


def test_every_region_is_found_once(clicker):
    found = rapsam.model_segmenter(clicker).everything(IMAGE, SPEC)
    assert len(found) > 4
    scores = [region.predicted_iou for region in found]
    assert scores == sorted(scores, reverse=True)
    boxes = np.array([region.mask.box for region in found])
    for place, region in enumerate(found):
        assert region.stability >= 0.3
        x, y = region.point
        assert region.mask.mask()[int(y), int(x)]
        others = np.delete(boxes, place, axis=0)
        assert (np.abs(others - boxes[place]).max(axis=1) > 1).all()


def test_bundle_and_checkpoint_find_the_same(clicker, clicker_bundle):
    ours, theirs = (
        each.everything(IMAGE, SPEC)
        for each in (rapsam.load_bundle(clicker_bundle), rapsam.model_segmenter(clicker))
    )
    assert [(region.mask.box, region.point) for region in ours] == [
        (region.mask.box, region.point) for region in theirs
    ]


def test_crops_find_smaller_things(clicker):
    segmenter, told = rapsam.model_segmenter(clicker), []
    image = draw_scene(3, (96, 128))
    spec = EverythingSpec(points_per_side=4, min_iou=0.0, min_stability=0.3, crop_layers=1)
    found = segmenter.everything(image, spec, lambda *done: told.append(done))
    assert told == [(number, 5) for number in range(1, 6)]
    assert {region.crop for region in found} > {(0, 0, 128, 96)}
    whole = segmenter.everything(image, SPEC)
    assert min(region.mask.area for region in found) < min(region.mask.area for region in whole)
    assert all(region.mask.mask().shape == (96, 128) for region in found)


def test_the_image_is_looked_at_once(clicker_bundle, monkeypatch):
    segmenter, runs = rapsam.load_bundle(clicker_bundle), []
    runner = segmenter.network.runners["see"]
    monkeypatch.setattr(runner, "run", lambda inputs, run=runner.run: (runs.append(1), run(inputs))[1])
    segmenter.everything(IMAGE, EverythingSpec(points_per_side=4, points_per_pass=3))
    assert runs == [1]


def test_a_model_without_points_is_refused(boxer_family):  # noqa: ARG001 - the family must be in the table
    model = rapsam.build_model(BOXER, checkpoint="formula")
    with pytest.raises(InputError, match=r"by points, and boxer_tiny, .* takes only one box"):
        rapsam.model_segmenter(model).everything(IMAGE)


def test_a_network_of_one_mask_per_point_can_do_it_too():
    model = rapsam.build_model("rapsam_nano", checkpoint="nano-synth")
    spec = EverythingSpec(points_per_side=2, min_iou=-0.0, min_stability=0.5)
    found = rapsam.model_segmenter(model, (64, 64)).everything(IMAGE, spec)
    assert all(region.mask.area for region in found)


def test_masks_are_bounded(clicker, monkeypatch):
    monkeypatch.setattr("rapsam.inference.everything.MAX_BYTES", 100)
    with pytest.raises(MemoryLimitError, match="masks are good enough, which is more than"):
        rapsam.model_segmenter(clicker).everything(IMAGE, SPEC)
