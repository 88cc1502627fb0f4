"""Which operators of a TFLite file become integers: those of the modules that are named, and no others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES
from rapsam.graph.capture import capture
from rapsam.quantize.policy import Modules
from tests.quantize.test_policy import spec

CONTRACT = GraphContract(
    graph="sums",
    inputs=(spec("image", 1, 3, 8, 8),),
    outputs=(spec("out", 1, 4, 8, 8),),
    image_size=(8, 8),
)
RECIPE = RECIPES["tflite-w8a8"]
_CONVOLUTIONS = frozenset({"one", "two", "three"})


class Rectified(nn.Module):
    """A sum that becomes one operator with its rectifier, under both names: "part;;part;1"."""

    def forward(self, one, two):
        return torch.relu(one + two)


class Plain(nn.Module):
    """A sum alone."""

    def forward(self, one, two):
        return one + two


class Sums(nn.Module):
    """A sum of the graph's own, one in a part, and one in a part whose name ends alike."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 4, 1)
        self.two = nn.Conv2d(3, 4, 1)
        self.three = nn.Conv2d(3, 4, 1)
        self.part = Rectified()
        self.other_part = Plain()

    def forward(self, image):
        one, two, three = self.one(image), self.two(image), self.three(image)
        parts = torch.tanh(self.part(two, three)) * torch.tanh(self.other_part(one, three))
        return parts * torch.tanh(one + two)


@pytest.fixture(scope="module")
def lowered_sums(tmp_path_factory):
    path = tmp_path_factory.mktemp("sums") / "sums.tflite"
    torch.manual_seed(0)
    return BACKENDS["tflite"].lower(capture(Sums(), CONTRACT), CONTRACT, RECIPE, path), path.read_bytes()


def integer_sums(lowered_sums, path: Path, names: set[str]) -> set[str]:
    """Quantises the convolutions and the sums of modules, and names the modules whose sums are integers."""
    import msgspec
    from ai_edge_litert.interpreter import Interpreter

    artifact, content = lowered_sums
    path.write_bytes(content)
    modules = Modules(
        integers={"convolution": _CONVOLUTIONS, "sum": frozenset(names)},
        small_weights={},
        small_nodes=frozenset(),
    )
    BACKENDS["tflite"].quantise_file(
        msgspec.structs.replace(artifact, path=path),
        CONTRACT,
        RECIPE,
        modules,
        [CONTRACT.example_inputs(seed) for seed in range(20)],
    )
    details = Interpreter(model_path=str(path)).get_tensor_details()
    integers = {each["name"].partition(";")[0] for each in details if each["dtype"] == np.int8}
    return {name for name in integers if not name.startswith("serving_default")} - _CONVOLUTIONS


@pytest.mark.parametrize("names", [{""}, {"part"}, {"other_part"}, {"", "part"}])
def test_the_sums_of_named_modules_are_integers_and_no_others(lowered_sums, tmp_path, names) -> None:
    assert integer_sums(lowered_sums, tmp_path / "small.tflite", names) == names
