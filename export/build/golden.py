"""Writing the self-test of a bundle; see `rapsam.export.bundle.golden`."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from rapsam.contract import Role
from rapsam.errors import InputError
from rapsam.export.bundle.golden import (
    FOLDER,
    INDEX,
    MAX_CASES,
    SCHEMA_VERSION,
    GoldenCase,
    GoldenGraph,
    GoldenIndex,
    GoldenTensor,
)
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.manifest_check import is_plain_path
from rapsam.export.parity.sample_images import sample_prompts
from rapsam.files import write_atomic, write_json
from rapsam.inference.chain import run_chain
from rapsam.inference.runner import Runner
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.preprocess import check_rgb, fitted

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
    manifest: Manifest,
    references: Mapping[str, Runner],
) -> None:
    """Writes the golden files of a bundle, of up to three images.

    Args:
        folder: The bundle.
        images: Name to RGB image, uint8.
        manifest: What the bundle holds.
        references: Graph name to reference.
    """
    cases = []
    for name, image in itertools.islice(images.items(), MAX_CASES):
        # The stored image has 8 bits, so the reference must see these and not the exact padding.
        pixels, geometry = fitted(image, manifest.preprocess)
        prompts = sample_prompts(manifest.prompts, manifest.num_prompts, geometry)
        given: dict[Role, Floats] = {"image": np.rint(pixels), **prompts}
        cases.append(_write_case(folder, name, given, manifest, references))
    write_json(folder / INDEX, GoldenIndex(schema_version=SCHEMA_VERSION, cases=tuple(cases)))


def _write_case(
    folder: Path,
    name: str,
    given: Mapping[Role, Floats],
    manifest: Manifest,
    references: Mapping[str, Runner],
) -> GoldenCase:
    inputs = {spec.name: spec for contract in manifest.contracts for spec in contract.inputs}
    stored = [
        _write_image(folder, name, spec.name, given["image"])
        if spec.role == "image"
        else _write_tensor(folder, f"{name}.{spec.name}", spec.name, given[spec.role], step=1)
        for spec in inputs.values()
        if spec.role != "flow"
    ]
    steps = run_chain(
        manifest.contracts, given, lambda contract, tensors: references[contract.graph].run(tensors)
    )
    graphs = []
    for step in steps:
        graph = step.contract.graph
        outputs = [_write_tensor(folder, f"{name}.{graph}.{key}", key, t) for key, t in step.outputs.items()]
        graphs.append(GoldenGraph(graph=graph, outputs=tuple(outputs)))
    return GoldenCase(name=name, inputs=tuple(stored), graphs=tuple(graphs))


def _write_image(folder: Path, name: str, tensor: str, pixels: Floats) -> GoldenTensor:
    buffer = io.BytesIO()
    Image.fromarray(pixels[0].transpose(1, 2, 0).astype(np.uint8)).save(buffer, "PNG")
    file = f"{FOLDER}/{name}.png"
    write_atomic(folder / file, buffer.getvalue())
    return GoldenTensor(name=tensor, shape=pixels.shape, step=1, file=file)


def _write_tensor(
    folder: Path, stem: str, name: str, tensor: Floats, step: int | None = None
) -> GoldenTensor:
    """Writes every `step`-th value; of an output, which is only compared, no more than `MAX_VALUES`."""
    if step is None:
        # An odd step does not keep hitting the same columns of maps with even sides.
        step = -(-tensor.size // MAX_VALUES) | 1
    file = f"{FOLDER}/{stem}.bin"
    write_atomic(folder / file, tensor.ravel()[::step].astype("<f4").tobytes())
    return GoldenTensor(name=name, shape=tensor.shape, step=step, file=file)
