"""A bundle like the tiny one whose graphs are made by a converter, in any of its precisions.

Logits are computed in steps of 1/64 below 32, which are exact in float16: versions of runtimes that round at
different places must agree on every pixel.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES
from rapsam.graph.capture import capture
from rapsam.tasks.labels import find_label_set
from rapsam.tasks.preprocess import PreprocessSpec
from tests.benchmarks.tiny_onnx_bundle import CLASSES, CONTRACTS, PIPELINES, QUERIES, SIZE, SPEC
from tests.export.small_bundle import made_up_manifest, seal, write_entry


def steps(*shape: int, seed: int) -> nn.Parameter:
    """Makes weights that are multiples of 1/4, at most 1/2."""
    numbers = np.random.default_rng(seed).integers(-2, 2, shape, endpoint=True)
    return nn.Parameter(torch.from_numpy((numbers / 4).astype(np.float32)))


class See(nn.Module):
    """Makes the picture smaller: values 0..255 / 16."""

    def forward(self, picture: Tensor) -> Tensor:
        return functional.max_pool2d(picture / 16, 4, 4)


class Find(nn.Module):
    """Classes by the strongest colours, masks by the colours of pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.to_classes = steps(3, QUERIES * CLASSES, seed=0)
        self.to_masks = steps(QUERIES, 3, 1, 1, seed=1)

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        classes = seen.amax((2, 3)) @ self.to_classes
        return classes.reshape(1, QUERIES, CLASSES), functional.conv2d(seen, self.to_masks)


class Answer(nn.Module):
    """Masks by a box, whose corners are eighths, and the colours of pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.to_tokens = nn.Parameter(torch.tensor([[1.0, -1, 0], [0, 1, -1], [-1, 0, 0], [0, 0, 1]]))

    def forward(self, seen: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
        products = corners @ self.to_tokens @ seen.flatten(2)
        return products.reshape(1, -1, *seen.shape[2:]), torch.sigmoid(corners.sum(2))


def write_converted_bundle(folder: Path, recipe: str) -> None:
    """Writes it, with the recipe of this name."""
    folder.mkdir(parents=True)
    chosen = RECIPES[recipe]
    backend = BACKENDS[chosen.backend]
    entries, runners = [], {}
    for module, contract in zip((See(), Find(), Answer()), CONTRACTS, strict=True):
        path = folder / f"{contract.graph}{backend.suffix}"
        artifact = backend.lower(capture(module, contract), contract, chosen, path)
        entries.append(msgspec.structs.replace(write_entry(path, contract), recipe=recipe))
        runners[contract.graph] = backend.load(path, contract)
    manifest = made_up_manifest(
        graphs=tuple(entries),
        pipelines=PIPELINES,
        labels=find_label_set("ytvis_2019"),
        preprocess=PreprocessSpec(size=SIZE),
        prompts=SPEC,
    )
    made_of = {"recipe": recipe, "minimum_runtime": artifact.minimum_runtime}
    seal(folder, msgspec.structs.replace(manifest, **made_of), runners)
