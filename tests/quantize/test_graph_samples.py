"""What graphs get from calibration images."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.export.parity.sample_images import draw_scene
from rapsam.models.build import deployment_of
from rapsam.quantize.samples import Samples
from rapsam.tasks.preprocess import PreprocessSpec
from tests.models.golden_models import golden_model

SIZE = (32, 64)


@pytest.fixture(scope="module")
def deployment():
    return deployment_of(golden_model("rapsam_nano"))


def samples(deployment, *graphs, prompts=2):
    contracts = [deployment.build_graph(graph, SIZE, prompts)[1] for graph in graphs]
    colours = deployment.normalisation
    preprocess = PreprocessSpec(size=SIZE, pad_colour=colours.mean, mean=colours.mean, std=colours.std)
    images = {f"{seed}": draw_scene(seed, (40, 50)) for seed in range(3)}
    return Samples(deployment, contracts, preprocess, images), contracts[-1]


def test_an_image_graph_gets_images(deployment) -> None:
    found, contract = samples(deployment, "encoder")
    assert len(found) == 3
    for sample in found:
        contract.check_inputs(sample)


def test_later_graphs_get_what_flows_and_prompts_of_all_kinds(deployment) -> None:
    found, contract = samples(deployment, "encoder", "prompt")
    boxes = []
    for sample in found:
        contract.check_inputs(sample)
        boxes.append(sample["boxes"][0])
    sides = np.diff(np.concatenate(boxes).reshape(-1, 2, 2), axis=1)[:, 0]
    assert (sides > 0).all()
    assert sides.min() < 0.25 < sides.max(), "points and boxes"


def test_going_through_twice_gives_the_same(deployment) -> None:
    found, contract = samples(deployment, "encoder", "panoptic")
    for one, two in zip(found, found, strict=True):
        for spec in contract.inputs:
            np.testing.assert_array_equal(one[spec.name], two[spec.name])
