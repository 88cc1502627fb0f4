"""What the weights of a Core ML package become."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract
from rapsam.export.backends.catalogue import find_recipe
from rapsam.export.backends.coreml.package import main_function, read_program
from rapsam.export.backends.lower_graph import lower_graph
from tests.quantize.test_policy import spec

CONTRACT = GraphContract(
    graph="two",
    inputs=(spec("image", 1, 24, 8, 8),),
    outputs=(spec("out", 1, 32, 8, 8),),
    image_size=(8, 8),
)


class Two(nn.Module):
    """The inputs of the second are whole blocks of 32, those of the first are not."""

    def __init__(self) -> None:
        super().__init__()
        self.odd = nn.Conv2d(24, 64, 3, padding=1)
        self.even = nn.Conv2d(64, 32, 3, padding=1)

    def forward(self, image):
        return self.even(torch.tanh(self.odd(image)))


@pytest.mark.parametrize(
    ("precision", "bits", "scales"),
    [
        ("w4", {"even": "int4", "odd": "int8"}, {"even": (32, 2, 1, 1), "odd": (64, 1, 1, 1)}),
        ("w8", {"even": "int8", "odd": "int8"}, {"even": (32, 1, 1, 1), "odd": (64, 1, 1, 1)}),
    ],
)
def test_blocks_share_a_scale_where_the_channels_are_whole_blocks(precision, bits, scales, tmp_path) -> None:
    path = tmp_path / "two.mlpackage"
    lower_graph(Two(), CONTRACT, find_recipe("coreml", precision, 18), path, str)
    from coremltools.converters.mil.mil import types

    found_bits, found_scales = {}, {}
    for operation in main_function(path, read_program(path, CONTRACT)).operations:
        if operation.op_type == "constexpr_blockwise_shift_scale":
            name = operation.name.split("_")[1]  # as in "p_odd_weight"
            found_bits[name] = types.builtin_to_string(operation.inputs["data"].dtype)
            found_scales[name] = tuple(operation.inputs["scale"].shape)
    assert found_bits == bits
    assert found_scales == scales


def test_a_palette_of_eight_bits_has_an_index_per_value(tmp_path) -> None:
    path = tmp_path / "two.mlpackage"
    lower_graph(Two(), CONTRACT, find_recipe("coreml", "p8", 17), path, str)
    operations = main_function(path, read_program(path, CONTRACT)).operations
    palettes = [each for each in operations if each.op_type == "constexpr_lut_to_dense"]
    assert sorted(int(each.lut.val.size) for each in palettes) == [256, 256]
