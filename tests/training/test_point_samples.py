"""Samples of networks that answer points: whole images, with prompts on their regions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rapsam.data.synth.source import SynthImages
from rapsam.errors import InputError
from rapsam.tasks.instances import tight_box
from rapsam.tasks.preprocess import normalised_square
from rapsam.training.config import DataConfig, SourceConfig
from rapsam.training.point_samples import point_sample
from rapsam.training.samples import MixedSamples, MixedSource

SOURCE = SourceConfig(task="points", kind="coco_panoptic", folder=".", resize=(1.0, 1.0))
IMAGES = SynthImages(3, 6, (48, 96))


def _config(**changes):
    settings = {"height": 64, "width": 64, "flip": 0, "boxed": "all", "prompts": 4, "min_prompt_area": 8}
    return DataConfig(**{**settings, **changes}, sources=(SOURCE,))


def _sample(number=0, *, asks=True, **changes):
    rng = np.random.default_rng(number)
    return point_sample(number, rng, IMAGES.read(number), _config(**changes), asks=asks, embedding=None)


def test_an_image_fills_the_square_as_when_it_is_asked():
    sample = _sample()
    assert sample.content == (32, 64)
    assert torch.equal(
        sample.frames, torch.from_numpy(normalised_square(IMAGES.read(0).frames[0], 64).pixels)
    )
    assert not sample.frames[:, :, 32:].any()
    assert not sample.masks[:, 32:].any()


@pytest.mark.parametrize("number", range(6))
def test_points_lie_in_their_regions_and_boxes_around_them(number):
    clicked = _sample(number, box_prompts=0.0)
    assert set(map(tuple, clicked.labels.tolist())) == {(1.0, -1.0)}
    for point, mask in zip(clicked.points[:, 0].long(), clicked.masks, strict=True):
        assert mask[point[1], point[0]]
    boxed = _sample(number, box_prompts=1.0)
    assert set(map(tuple, boxed.labels.tolist())) == {(2.0, 3.0)}
    for box, mask in zip(boxed.points, boxed.masks.numpy(), strict=True):
        assert box.flatten().tolist() == tight_box(mask).tolist()


def test_no_region_is_asked_for_twice():
    many = _sample(prompts=16)
    assert 1 < len(many.masks) <= 16
    assert len({mask.numpy().tobytes() for mask in many.masks}) == len(many.masks)
    assert len(_sample(prompts=2).masks) == 2


def test_boxes_and_points_take_turns_by_images():
    config = _config(box_prompts=0.5)
    mixed = MixedSource(IMAGES, SOURCE, np.zeros(20, np.int64), 0)
    samples = MixedSamples([mixed], config, 0)
    kinds = [int(samples[number].sample.labels[0, 0]) for number in range(40)]
    assert {1, 2} == set(kinds)
    assert 10 < kinds.count(2) < 30
    again = MixedSamples([mixed], config, 0)[7].sample
    assert torch.equal(again.points, samples[7].sample.points)


def test_without_questions_an_image_needs_no_region():
    sample = _sample(asks=False, min_prompt_area=10**6)
    assert sample.masks.shape == (0, 64, 64)
    assert sample.points.shape == (0, 2, 2)
    with pytest.raises(InputError, match="no segment of 1000000 px to prompt"):
        _sample(min_prompt_area=10**6)
