"""Names, shapes and numbers of tensors are those of the published checkpoints."""

from __future__ import annotations

import pytest
import torch

from rapsam.models.sam.checkpoint_map import to_published
from rapsam.models.sam.config import VARIANTS
from rapsam.models.sam.model import Sam
from tests.models.sam.golden_sam import published_shapes

PARAMETERS = {
    "sam_vit_b": (93_735_472, 89_670_912),
    "sam_vit_h": (641_090_608, 637_026_048),
    "mobile_sam": (10_130_092, 6_065_532),
    "repvit_sam": (27_223_480, 23_158_920),
    "edge_sam": (9_582_112, 5_517_552),
    "edge_sam_bilinear": (9_582_112, 5_517_552),
}


def without_weights(variant):
    with torch.device("meta"):
        return Sam(variant, VARIANTS[variant])


@pytest.mark.parametrize("variant", PARAMETERS)
def test_names_and_shapes_are_the_published_ones(variant):
    state = without_weights(variant).state_dict()
    named = {to_published(name): list(tensor.shape) for name, tensor in state.items()}
    assert named == published_shapes(variant)
    assert len(named) == len(state)


def test_names_of_the_one_without_a_list():
    """SAM ViT-L has the names of ViT-B, with twice the blocks."""
    names = {to_published(name) for name in without_weights("sam_vit_l").state_dict()}
    assert {name.replace("blocks.23.", "blocks.11.") for name in names} >= published_shapes(
        "sam_vit_b"
    ).keys()
    assert len(names) == len(published_shapes("sam_vit_b")) + 12 * 14


@pytest.mark.parametrize("variant", PARAMETERS)
def test_number_of_parameters(variant):
    model = without_weights(variant)
    counted = [sum(p.numel() for p in part.parameters()) for part in (model, model.image_encoder)]
    assert tuple(counted) == PARAMETERS[variant]
