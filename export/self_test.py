"""Golden inputs and outputs inside a bundle, so that a phone can check itself without Python.

Layout of `golden/`: `index.json` names, per case and graph, one file per tensor: raw little-endian float32 in
C order, shapes as in the contract. Image inputs are PNG files of the fitted image, rounded to 8 bits.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image

from rapsam.contract import GraphContract
from rapsam.export.backends.base import Runner
from rapsam.export.sample_images import sample_boxes
from rapsam.files import write_atomic
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.preprocess import letterbox

FOLDER = "golden"


class GoldenTensor(msgspec.Struct, frozen=True, kw_only=True):
    """One stored tensor: its name in the contract, shape, file and file format ("png" or "float32-le")."""

    name: str
    shape: tuple[int, ...]
    file: str
    format: str


class GoldenCase(msgspec.Struct, frozen=True, kw_only=True):
    """One graph on one input: inputs, and what the fp32 reference gives."""

    case: str
    graph: str
    inputs: tuple[GoldenTensor, ...]
    outputs: tuple[GoldenTensor, ...]


class GoldenIndex(msgspec.Struct, frozen=True, kw_only=True):
    """Content of `golden/index.json`."""

    schema_version: int
    cases: tuple[GoldenCase, ...]


def write_golden(
    folder: Path,
    images: Mapping[str, Pixels],
    size: tuple[int, int],
    contracts: Mapping[str, GraphContract],
    references: Mapping[str, Runner],
) -> None:
    """Writes the golden files of a bundle.

    Args:
        folder: The bundle.
        images: Name to RGB image, uint8.
        size: Image height and width of the graphs.
        contracts: Graph name to contract, in the order in which an app runs them.
        references: Graph name to reference.
    """
    cases: list[GoldenCase] = []
    for name, image in images.items():
        # The stored image has 8 bits, so the reference must see these and not the exact padding.
        pixels = np.rint(letterbox(image, size).pixels)
        known: dict[str, Floats] = {"image": pixels}
        files = {"image": _write_image(folder, name, pixels)}
        for graph, contract in contracts.items():
            if graph == "prompt":
                known["boxes"] = sample_boxes(contract.outputs[0].shape[1])
                files["boxes"] = _write_tensor(folder, f"{name}.boxes", known["boxes"], "boxes")
            inputs = {spec.name: known[spec.name] for spec in contract.inputs}
            outputs = references[graph].run(inputs)
            stored = {
                key: _write_tensor(folder, f"{name}.{graph}.{key}", t, key) for key, t in outputs.items()
            }
            known |= outputs
            case = GoldenCase(
                case=name,
                graph=graph,
                inputs=tuple(files[key] for key in inputs),
                outputs=tuple(stored.values()),
            )
            files |= stored
            cases.append(case)
    index = msgspec.json.encode(GoldenIndex(schema_version=1, cases=tuple(cases)))
    write_atomic(folder / FOLDER / "index.json", msgspec.json.format(index, indent=2) + b"\n")


def _write_image(folder: Path, name: str, pixels: Floats) -> GoldenTensor:
    buffer = io.BytesIO()
    Image.fromarray(pixels[0].transpose(1, 2, 0).astype(np.uint8)).save(buffer, "PNG")
    file = f"{FOLDER}/{name}.png"
    write_atomic(folder / file, buffer.getvalue())
    return GoldenTensor(name="image", shape=pixels.shape, file=file, format="png")


def _write_tensor(folder: Path, stem: str, tensor: Floats, name: str) -> GoldenTensor:
    file = f"{FOLDER}/{stem}.bin"
    write_atomic(folder / file, tensor.astype("<f4").tobytes())
    return GoldenTensor(name=name, shape=tensor.shape, file=file, format="float32-le")
