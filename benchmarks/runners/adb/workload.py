"""What a device is to run: graphs, tensors and stages, the same for all variants of one bundle or file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rapsam.benchmarks.latency.bundle_subject import INPUT, timed_scene
from rapsam.benchmarks.latency.file_subject import INPUT as FILE_INPUT
from rapsam.benchmarks.latency.file_subject import example_inputs
from rapsam.benchmarks.latency.record import StageKind
from rapsam.benchmarks.latency.stage_names import StageName, graph_stages
from rapsam.contract import GraphContract, Role
from rapsam.errors import InputError
from rapsam.export.backends.bare_file import NO_SHAPES, file_backends, file_contract
from rapsam.export.backends.file_tensors import GivenShapes
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.seal import verify_runnable
from rapsam.export.parity.sample_images import sample_prompts
from rapsam.export.parity.self_test import self_test_inputs
from rapsam.files import sha256_of, size_of
from rapsam.tasks.arrays import Floats
from rapsam.tasks.preprocess import fitted

Tensor = npt.NDArray[np.generic]
SUFFIX = ".onnx"


class GraphFile(NamedTuple):
    """A graph to be pushed.

    Attributes:
        contract: Inputs and outputs.
        source: The file here.
        name: Path in the bundle, or the file's name.
        sha256: What its content must be.
        size_bytes: Of it.
    """

    contract: GraphContract
    source: Path
    name: str
    sha256: str
    size_bytes: int


class DeviceStage(NamedTuple):
    """What is timed by itself; see `StageTimes`.

    Attributes:
        kind: "graph", or "pipeline".
        of: The graph or the task.
        graphs: Numbers of the graphs that run one after another.
    """

    kind: StageKind
    of: str
    graphs: tuple[int, ...]

    @property
    def name(self) -> StageName:
        """What it is."""
        return StageName(self.kind, self.of)


class Workload(NamedTuple):
    """One bundle or file.

    Attributes:
        path: It.
        manifest: Of a bundle; None for a file.
        graphs: In the order in which they run.
        timed: Name to tensor: what the timed runs begin with.
        cases: The same for each case of the self-test; none for a file.
        stages: In the order in which they are timed.
        input: What is timed, in words.
        input_sha256: Digest of its values.
        input_shape: Of the image, or of the first input.
    """

    path: Path
    manifest: Manifest | None
    graphs: tuple[GraphFile, ...]
    timed: dict[str, Tensor]
    cases: dict[str, dict[str, Tensor]]
    stages: tuple[DeviceStage, ...]
    input: str
    input_sha256: str
    input_shape: tuple[int, ...]


def workload_of(path: Path, shapes: GivenShapes = NO_SHAPES) -> Workload:
    """Prepares a bundle or a bare file.

    Args:
        path: It.
        shapes: Of inputs of a bare file, by name: of those that it leaves open.

    Raises:
        RapSamError: If it is damaged, or of a format that devices are not timed with over adb.
    """
    return _of_bundle(path) if path.is_dir() else _of_file(path, shapes)


def _of_bundle(folder: Path) -> Workload:
    manifest = verify_runnable(folder)
    graphs = tuple(
        GraphFile(entry.contract, folder / entry.path, entry.path, entry.sha256, entry.size_bytes)
        for entry in manifest.graphs
    )
    scene = timed_scene()
    pixels, geometry = fitted(scene, manifest.preprocess)
    given: dict[Role, Floats] = {
        "image": pixels,
        **sample_prompts(manifest.prompts, manifest.num_prompts, geometry),
    }
    return Workload(
        path=folder,
        manifest=manifest,
        graphs=graphs,
        timed=_by_name(graphs, given),
        cases={case: _by_name(graphs, inputs) for case, inputs in self_test_inputs(folder, manifest).items()},
        stages=tuple(_stages(folder, manifest)),
        input=INPUT,
        input_sha256=hashlib.sha256(scene.tobytes()).hexdigest(),
        input_shape=(1, 3, *manifest.preprocess.size),
    )


def _of_file(path: Path, shapes: GivenShapes) -> Workload:
    if not path.is_file():
        raise InputError(f"{path} does not exist; expected a bundle's folder, or a file of a graph")
    contract = file_contract(file_backends(path)[0], path, shapes)
    inputs = example_inputs(contract)
    return Workload(
        path=path,
        manifest=None,
        graphs=(GraphFile(contract, path, path.name, sha256_of(path), size_of(path)),),
        timed={**inputs},
        cases={},
        stages=(DeviceStage("graph", contract.graph, (0,)),),
        input=FILE_INPUT,
        input_sha256=hashlib.sha256(b"".join(array.tobytes() for array in inputs.values())).hexdigest(),
        input_shape=contract.inputs[0].shape,
    )


def _by_name(graphs: tuple[GraphFile, ...], given: Mapping[Role, Floats]) -> dict[str, Tensor]:
    """Names what is given from outside as the graphs do; what flows between them is made on the device."""
    return {
        spec.name: given[spec.role]
        for graph in graphs
        for spec in graph.contract.inputs
        if spec.role != "flow"
    }


def _stages(folder: Path, manifest: Manifest) -> Iterator[DeviceStage]:
    numbers = {contract.graph: number for number, contract in enumerate(manifest.contracts)}
    chains = {pipeline.task: pipeline.graphs for pipeline in manifest.pipelines}
    for stage in graph_stages(folder):
        assert stage.of is not None
        graphs = (stage.of,) if stage.kind == "graph" else chains[stage.of]
        yield DeviceStage(stage.kind, stage.of, tuple(numbers[graph] for graph in graphs))
