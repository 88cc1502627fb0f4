"""The self-test of a bundle, run in one runtime: the stored inputs, through all graphs as an app runs them.

Each graph takes what the graphs before it returned here, so errors add up as they do on a phone, while
`check_parity` compares each graph by itself. Outputs must meet the gates of the recipe, and are excused as
there, by what rounding alone did to the reference when the bundle was made.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image

from rapsam.contract import GraphContract, Role
from rapsam.errors import JSON_ERRORS, BundleError, RapSamError
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.bundle.golden import INDEX, MAX_INDEX_BYTES, GoldenCase, GoldenIndex, GoldenTensor
from rapsam.export.bundle.manifest import PARITY_NAME, Manifest
from rapsam.export.parity.report import TensorParity
from rapsam.export.parity.tensors import excuse_tensor, judge_tensor
from rapsam.inference.chain import run_chain
from rapsam.inference.runner import Arrays, Runner
from rapsam.tasks.arrays import Floats
from rapsam.untrusted import read_limited

MAX_REPORT_BYTES = 64 * 1024**2
_Rounding = dict[tuple[str, str, str], list[float]]


class _Reported(msgspec.Struct, frozen=True):
    tensors: tuple[TensorParity, ...] = ()


def run_self_test(
    folder: Path, manifest: Manifest, runtime: Runtime, runners: Mapping[str, Runner]
) -> tuple[TensorParity, ...]:
    """Runs the golden cases of a verified bundle.

    Args:
        folder: The bundle; its files have been verified.
        manifest: Its manifest.
        runtime: What the graphs were loaded in.
        runners: Graph name to runner.

    Returns:
        A row per case, graph and output; all of them are there, whatever happens.

    Raises:
        BundleError: If a golden file cannot be read.
    """
    index = msgspec.json.decode(read_limited(folder / INDEX, MAX_INDEX_BYTES), type=GoldenIndex)
    rounding = _rounding(folder)
    return tuple(
        row for case in index.cases for row in _case_rows(folder, manifest, case, runtime, runners, rounding)
    )


def _case_rows(
    folder: Path,
    manifest: Manifest,
    case: GoldenCase,
    runtime: Runtime,
    runners: Mapping[str, Runner],
    rounding: _Rounding,
) -> Iterator[TensorParity]:
    roles = {spec.name: spec.role for contract in manifest.contracts for spec in contract.inputs}
    given = {roles[tensor.name]: read_golden(folder, tensor) for tensor in case.inputs}
    outputs, problem = golden_outputs(manifest.contracts, given, runners)
    gates = RECIPES[manifest.recipe].gates
    for graph in case.graphs:
        for stored in graph.outputs:
            figures, reason = None, problem or f"the graph has no output {stored.name!r}"
            found = outputs.get((graph.graph, stored.name))
            if found is not None:
                reference = read_golden(folder, stored).ravel()
                figures, reason = judge_tensor(found.ravel()[:: stored.step], reference, gates)
            known = rounding.get((graph.graph, stored.name, case.name), [])
            status, reason = excuse_tensor(figures, reason, known)
            yield TensorParity(
                runtime=runtime.name,
                provenance=runtime.provenance,
                graph=graph.graph,
                output=stored.name,
                case=case.name,
                status=status,
                reason=reason,
                rounding_db=min(known, default=None),
                **(figures._asdict() if figures else {}),
            )


def golden_outputs(
    contracts: tuple[GraphContract, ...], given: dict[Role, Floats], runners: Mapping[str, Runner]
) -> tuple[dict[tuple[str, str], Floats], str]:
    """Runs all graphs on the inputs of a golden case.

    Args:
        contracts: Of the graphs, in the order in which they run.
        given: Inputs of the case, by role.
        runners: Graph name to runner.

    Returns:
        What the graphs returned, by graph and name, and why that is not all; "" if it is.
    """
    found: dict[tuple[str, str], Floats] = {}

    def run(contract: GraphContract, inputs: Arrays) -> Arrays:
        return runners[contract.graph].run(inputs)

    try:
        for step in run_chain(contracts, given, run):
            found |= {(step.contract.graph, name): array for name, array in step.outputs.items()}
    except RapSamError as error:
        return found, str(error)
    return found, ""


def read_golden(folder: Path, tensor: GoldenTensor) -> Floats:
    """Reads a stored tensor of a verified bundle in its shape; if not stored whole, its samples are flat.

    Raises:
        BundleError: If the file cannot be read.
    """
    path = folder / tensor.file
    size = int(np.prod(tensor.shape))
    # A PNG of noise is hardly larger than its pixels.
    data = read_limited(path, 4 * size + MAX_INDEX_BYTES)
    if tensor.file.endswith(".png"):
        try:
            with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                pixels = np.asarray(image.convert("RGB"), np.float32)
        except Exception as error:  # Pillow raises whatever it likes
            raise BundleError(f"cannot read {path}; export the bundle again") from error
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
    values = np.frombuffer(data, "<f4").astype(np.float32)
    return values.reshape(tensor.shape) if tensor.step == 1 else values


def _rounding(folder: Path) -> _Rounding:
    """Returns what the parity report says of rounding; nothing where it was not made, or says nothing."""
    found: _Rounding = {}
    try:
        report = msgspec.json.decode(read_limited(folder / PARITY_NAME, MAX_REPORT_BYTES), type=_Reported)
    except (OSError, BundleError, *JSON_ERRORS):
        return found
    for row in report.tensors:
        if row.rounding_db is not None:
            found.setdefault((row.graph, row.output, row.case), []).append(row.rounding_db)
    return found
