"""Writing the self-test of a bundle; see `rapsam.export.bundle.self_test`."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image

from rapsam.contract import GraphContract
from rapsam.errors import InputError
from rapsam.export.bundle.manifest_check import is_plain_path
from rapsam.export.bundle.self_test import (
    FOLDER,
    INDEX,
    MAX_CASES,
    SCHEMA_VERSION,
    GoldenCase,
    GoldenGraph,
    GoldenIndex,
    GoldenTensor,
)
from rapsam.export.parity.sample_images import sample_boxes
from rapsam.files import write_atomic
from rapsam.inference.runner import Runner
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.preprocess import check_rgb, letterbox

MAX_VALUES = 1 << 16


def check_images(images: Mapping[str, Pixels]) -> None:
    """Raises `InputError` unless all are RGB images, under names that can be part of a file name anywhere."""
    for name, image in images.items():
        check_rgb(image)
        if not name or name.startswith(".") or "/" in name or not is_plain_path(f"{name}.png"):
            raise InputError(f"image name {name!r}; expected a plain file name without folders")
    if len({name.casefold() for name in images}) < len(images):
        raise InputError(f"image names {sorted(images)}; expected more than upper case to tell them apart")


def write_golden(
    folder: Path,
    images: Mapping[str, Pixels],
    size: tuple[int, int],
    contracts: Mapping[str, GraphContract],
    references: Mapping[str, Runner],
) -> None:
    """Writes the golden files of a bundle, of up to three images.

    Args:
        folder: The bundle.
        images: Name to RGB image, uint8.
        size: Image height and width of the graphs.
        contracts: Graph name to contract, in the order in which an app runs them.
        references: Graph name to reference.
    """
    cases = []
    for name, image in itertools.islice(images.items(), MAX_CASES):
        # The stored image has 8 bits, so the reference must see these and not the exact padding.
        pixels = np.rint(letterbox(image, size).pixels)
        cases.append(_write_case(folder, name, pixels, contracts, references))
    index = msgspec.json.encode(GoldenIndex(schema_version=SCHEMA_VERSION, cases=tuple(cases)))
    write_atomic(folder / INDEX, msgspec.json.format(index, indent=2) + b"\n")


def _write_case(
    folder: Path,
    name: str,
    pixels: Floats,
    contracts: Mapping[str, GraphContract],
    references: Mapping[str, Runner],
) -> GoldenCase:
    known = {"image": pixels}
    inputs = [_write_image(folder, name, pixels)]
    if "prompt" in contracts:
        known["boxes"] = sample_boxes(contracts["prompt"].outputs[0].shape[1])
        inputs.append(_write_tensor(folder, f"{name}.boxes", "boxes", known["boxes"]))
    graphs = []
    for graph, contract in contracts.items():
        outputs = references[graph].run({spec.name: known[spec.name] for spec in contract.inputs})
        stored = [_write_tensor(folder, f"{name}.{graph}.{key}", key, t) for key, t in outputs.items()]
        graphs.append(GoldenGraph(graph=graph, outputs=tuple(stored)))
        known |= outputs
    return GoldenCase(name=name, inputs=tuple(inputs), graphs=tuple(graphs))


def _write_image(folder: Path, name: str, pixels: Floats) -> GoldenTensor:
    buffer = io.BytesIO()
    Image.fromarray(pixels[0].transpose(1, 2, 0).astype(np.uint8)).save(buffer, "PNG")
    file = f"{FOLDER}/{name}.png"
    write_atomic(folder / file, buffer.getvalue())
    return GoldenTensor(name="image", shape=pixels.shape, step=1, file=file)


def _write_tensor(folder: Path, stem: str, name: str, tensor: Floats) -> GoldenTensor:
    # An odd step does not keep hitting the same columns of maps with even sides.
    step = -(-tensor.size // MAX_VALUES) | 1
    file = f"{FOLDER}/{stem}.bin"
    write_atomic(folder / file, tensor.ravel()[::step].astype("<f4").tobytes())
    return GoldenTensor(name=name, shape=tensor.shape, step=step, file=file)
