"""A bare file of a format, timed by itself: there is nothing around it, and nothing to compare it with."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rapsam.benchmarks.latency.sampling import timed
from rapsam.benchmarks.latency.subject import LoadedGraph, Stage, Subject, TimedLoads, has_times
from rapsam.contract import GraphContract, TensorSpec
from rapsam.errors import InputError
from rapsam.export.backends.bare_file import NO_SHAPES, file_backends, file_contract
from rapsam.export.backends.file_tensors import GivenShapes
from rapsam.export.backends.runtimes import Runtime, prepared_call
from rapsam.files import sha256_of, size_of

INPUT = "random numbers from 0 to 1, zeros for integers"
"""What files are timed on, in words."""
_SEED = 0


def file_subject(path: Path, runtime: Runtime, threads: int, shapes: GivenShapes = NO_SHAPES) -> Subject:
    """Derives the contract of a file, loads it, and runs it once.

    Args:
        path: The file.
        runtime: What runs it.
        threads: CPU threads.
        shapes: Of inputs, by name: of those that the file leaves open.

    Raises:
        BundleError: If the runtime refuses the file, or a shape is neither static nor given.
        InputError: If it is of no format whose files say what they take, or takes no such shapes.
        UnavailableError: If the runtime does not work here.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; expected a bundle's folder, or a file of a graph")
    contract = file_contract(file_backends(path)[0], path, shapes)
    loads = TimedLoads(runtime)
    runner = loads.runtime.load(path, contract, threads)
    inputs = example_inputs(contract)
    first_ns = timed(partial(runner.run, inputs))
    graph = LoadedGraph(
        contract=contract,
        file=path.name,
        sha256=sha256_of(path),
        size_bytes=size_of(path),
        delegation=None,
        runner=runner,
        inputs=inputs,
        load_ns=loads.last_ns,
        first_ns=first_ns,
    )
    stage = Stage("graph", contract.graph, prepared_call(runner, inputs))
    digest = hashlib.sha256(b"".join(array.tobytes() for array in inputs.values())).hexdigest()
    return Subject(
        runtime=runtime,
        graphs=(graph,),
        stages=(stage,) if has_times(runtime) else (),
        self_test=None,
        input=INPUT,
        input_sha256=digest,
        input_shape=contract.inputs[0].shape,
    )


def example_inputs(contract: GraphContract) -> dict[str, npt.NDArray[np.float32]]:
    """Makes what a file is timed on, the same wherever it runs."""
    rng = np.random.default_rng(_SEED)
    return {spec.name: example(spec, rng) for spec in contract.inputs}


def example(spec: TensorSpec, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Makes an input that every network takes: pixels as fractions, and the first of whatever is counted."""
    dtype = np.dtype(spec.dtype)
    values = rng.random(spec.shape) if dtype.kind == "f" else np.zeros(spec.shape)
    array: npt.NDArray[np.float32] = values.astype(dtype)
    return array
