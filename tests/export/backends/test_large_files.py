"""Files of more than 2 GiB, as SAM's ViT-H in float32 would be."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.backends.lower_graph import lower_graph
from rapsam.machine import this_machine

WIDTH, LAYERS = 8192, 9
ROWS = 4
RAM_MB = 22_000
"""The converter to Core AI took 19.3 GB."""
HOLD_IT = ("executorch-fp32", "tflite-fp32", "coreml-fp32-ios17", "coreai-fp32")


class Layers(nn.Module):
    """Products whose results stay as large as what they take."""

    def __init__(self) -> None:
        super().__init__()
        with torch.device("meta"):
            layers = [nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(LAYERS)]
        generator, bound = torch.Generator().manual_seed(0), (3 / WIDTH) ** 0.5
        for layer in layers:
            weight = torch.empty(WIDTH, WIDTH).uniform_(-bound, bound, generator=generator)
            layer.weight = nn.Parameter(weight, requires_grad=False)
        self.layers = nn.Sequential(*layers)

    def forward(self, image):
        return self.layers(image)


def spec(name: str) -> TensorSpec:
    shape = (1, 1, ROWS, WIDTH)
    return TensorSpec(
        name=name, shape=shape, dtype="float32", layout="NCHW", value_range=(-4.0, 4.0), meaning="rows"
    )


@pytest.mark.proof
def test_a_file_holds_more_than_2_gib_in_every_format_that_does_not_refuse_it(tmp_path):
    """One after the other: each takes the memory of the machine."""
    ram_mb = this_machine().ram_mb
    if ram_mb is None or ram_mb < RAM_MB:
        pytest.skip(f"takes {RAM_MB} MiB of memory; there are {ram_mb}")
    contract = GraphContract(graph="large", inputs=(spec("image"),), outputs=(spec("out"),))
    module = Layers().eval()
    image = np.random.default_rng(0).normal(size=contract.inputs[0].shape).astype(np.float32)
    expected = module(torch.from_numpy(image)).numpy()
    for name in HOLD_IT:
        recipe = RECIPES[name]
        backend = find_backend(recipe.backend)
        folder = tmp_path / name
        folder.mkdir()
        path = folder / f"large{backend.suffix}"
        size = lower_graph(module, contract, recipe, path, print).artifact.size_bytes
        assert size > 2 << 30, name
        able = [runtime for runtime in backend.runtimes if runtime.cannot_run() is None]
        assert able, name
        for runtime in able:
            found = runtime.loader(path, contract, 2).run({"image": image})["out"]
            np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=f"{name}, {runtime.name}")
        shutil.rmtree(folder)
