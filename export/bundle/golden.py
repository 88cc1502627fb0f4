"""Golden inputs and outputs inside a bundle, so that a phone can check itself without Python.

`golden/index.json` lists cases. A case is one image and, for prompts, what encodes them; then the outputs of
every graph, run one after another as an app does: inner graphs take the outputs of the ones before. Tensors
are raw little-endian float32 files in C order. Large outputs are sampled: every `step`-th value of the
flattened tensor. Images are PNG files that fill the input of the first graph, padding included.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from rapsam.contract import GraphContract
from rapsam.errors import BundleError
from rapsam.export.bundle.manifest_check import MAX_ELEMENTS, one_line
from rapsam.untrusted import read_limited, read_start

FOLDER = "golden"
INDEX = f"{FOLDER}/index.json"
MAX_INDEX_BYTES = 1 << 20
SCHEMA_VERSION = 1
MAX_CASES = 3
MAX_TENSORS = 64
"""Of one case, inputs and outputs together."""
_PNG_HEADER_BYTES = 26
"""Signature, and the first chunk up to the colour type."""


class GoldenTensor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stored tensor.

    Attributes:
        name: As in the contract.
        shape: Whole shape.
        step: The file holds every `step`-th value of the flattened tensor, from the first on.
        file: Path relative to the bundle: `.png` (8-bit RGB, the image) or `.bin` (float32).
    """

    name: str
    shape: tuple[int, ...]
    step: int
    file: str


class GoldenGraph(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the fp32 reference gives for one graph of a case."""

    graph: str
    outputs: tuple[GoldenTensor, ...]


class GoldenCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One image, with the outputs of all graphs in the order in which an app runs them."""

    name: str
    inputs: tuple[GoldenTensor, ...]
    graphs: tuple[GoldenGraph, ...]


class GoldenIndex(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content of `golden/index.json`."""

    schema_version: int
    cases: tuple[GoldenCase, ...]


def check_golden(folder: Path, sizes: Mapping[str, int], contracts: Sequence[GraphContract]) -> None:
    """Checks that an app which follows the index finds what it expects, inside the bundle.

    Args:
        folder: The bundle; its files have been verified.
        sizes: Path in the bundle to bytes, of every file.
        contracts: Of the graphs, in the order in which an app runs them.

    Raises:
        BundleError: If the index is missing or damaged, names files or tensors that are not there, or tells
            them wrong shapes.
    """
    path = folder / INDEX
    if INDEX not in sizes:
        raise BundleError(f"{folder} has no {INDEX}; copy or export the bundle again")
    try:
        index = msgspec.json.decode(read_limited(path, MAX_INDEX_BYTES), type=GoldenIndex)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BundleError(f"{path} is damaged ({one_line(error)}); export the bundle again") from error
    if index.schema_version != SCHEMA_VERSION or not 1 <= len(index.cases) <= MAX_CASES:
        raise BundleError(
            f"{path} has schema {str(index.schema_version)[:20]} and {len(index.cases)} cases; "
            f"expected schema {SCHEMA_VERSION} and 1 to {MAX_CASES} cases: export the bundle again"
        )
    outputs = {(contract.graph, spec.name): spec.shape for contract in contracts for spec in contract.outputs}
    inputs = {spec.name: spec.shape for contract in contracts for spec in contract.inputs}
    roles = {spec.name: spec.role for contract in contracts for spec in contract.inputs}
    for case in index.cases:
        count = len(case.inputs) + sum(len(graph.outputs) for graph in case.graphs)
        if count > MAX_TENSORS:
            raise BundleError(
                f"{path} lists {count:,} tensors in one case; expected at most {MAX_TENSORS}: export it again"
            )
        lacking = set(roles.values()) - {"flow"} - {roles.get(tensor.name) for tensor in case.inputs}
        if lacking:
            raise BundleError(
                f"{path} has no {' and no '.join(sorted(lacking))} in one case; export the bundle again"
            )
        for tensor in case.inputs:
            _check_tensor(folder, tensor, inputs.get(tensor.name), sizes)
        for graph in case.graphs:
            for tensor in graph.outputs:
                _check_tensor(folder, tensor, outputs.get((graph.graph, tensor.name)), sizes)


def _check_tensor(
    folder: Path, tensor: GoldenTensor, shape: tuple[int, ...] | None, sizes: Mapping[str, int]
) -> None:
    count = math.prod(tensor.shape)
    fits = tensor.shape == shape and 1 <= tensor.step <= count <= MAX_ELEMENTS and tensor.file in sizes
    if fits and tensor.file.endswith(".png"):
        fits = tensor.shape == _png_shape(read_start(folder / tensor.file, _PNG_HEADER_BYTES))
    elif fits:
        fits = tensor.file.endswith(".bin") and sizes[tensor.file] == 4 * -(-count // tensor.step)
    if not fits:
        raise BundleError(
            f"{folder / INDEX} tells of {tensor.name[:80]!r} in {tensor.file[:80]!r} what does not fit the "
            "graphs and files; export the bundle again"
        )


def _png_shape(header: bytes) -> tuple[int, ...]:
    """Returns (1, 3, H, W) as an 8-bit RGB image's header has it, nothing unpacked; () for others."""
    if header[:8] != b"\x89PNG\r\n\x1a\n" or header[12:16] != b"IHDR" or header[24:] != b"\x08\x02":
        return ()
    return 1, 3, int.from_bytes(header[20:24]), int.from_bytes(header[16:20])
