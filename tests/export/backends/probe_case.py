"""What the tests of all backends ask of a runner."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from torch.export import ExportedProgram

from rapsam.contract import GraphContract
from rapsam.errors import BundleError, InputError
from rapsam.export.backends.base import Backend
from rapsam.inference.runner import Arrays, Runner

# Outputs of the probe reach 1.4.
TOLERANCE = {"fp32": 5e-6, "fp16": 5e-3}


class Probe(NamedTuple):
    """The captured probe network, example inputs, and what PyTorch computes from them."""

    contract: GraphContract
    program: ExportedProgram
    inputs: Arrays
    outputs: Arrays


def assert_computes_the_probe(runner: Runner, probe: Probe, precision: str) -> None:
    results = runner.run(probe.inputs)
    probe.contract.check_outputs(results)
    assert list(results) == list(probe.outputs)
    errors = {name: np.abs(results[name] - probe.outputs[name]).max() for name in results}
    assert max(errors.values()) <= TOLERANCE[precision], errors
    if precision == "fp16":
        # Float32 in disguise would be far closer.
        assert max(errors.values()) > 10 * TOLERANCE["fp32"], errors


def assert_runs_are_independent(runner: Runner, probe: Probe) -> None:
    """A later run changes neither the results of an earlier one nor the inputs, which may be read-only."""
    first = runner.run(probe.inputs)
    kept = {name: array.copy() for name, array in first.items()}
    others = probe.contract.example_inputs(seed=1)
    for array in others.values():
        array.flags.writeable = False
    second = runner.run(others)
    assert all(np.array_equal(first[name], kept[name]) for name in kept)
    assert all(not np.array_equal(first[name], second[name]) for name in kept)
    strided = {name: np.repeat(array, 2, axis=-1)[..., ::2] for name, array in probe.inputs.items()}
    again = runner.run(strided)
    assert all(np.array_equal(again[name], kept[name]) for name in kept)


def assert_refuses_wrong_inputs(runner: Runner, probe: Probe) -> None:
    def run_with(**changes: npt.NDArray[np.generic]) -> None:
        runner.run({**probe.inputs, **changes})  # type: ignore[dict-item]

    with pytest.raises(InputError, match=r"'image'.*expected float32"):
        run_with(image=probe.inputs["image"][:, :, 1:])
    with pytest.raises(InputError, match=r"'boxes'.*float64"):
        run_with(boxes=probe.inputs["boxes"].astype(np.float64))
    with pytest.raises(InputError, match="inputs"):
        run_with(picture=probe.inputs["image"])
    with pytest.raises(InputError, match="inputs"):
        runner.run({"image": probe.inputs["image"]})


def assert_refuses_damaged_files(backend: Backend, path, contract: GraphContract, scratch) -> None:
    whole = path.read_bytes()
    damaged = scratch / f"damaged{backend.suffix}"
    for content in (b"", b"no graph at all" * 40, whole[: len(whole) // 2], whole[:-100]):
        damaged.write_bytes(content)
        with pytest.raises(BundleError, match="damaged") as caught:
            backend.load(damaged, contract)
        assert "\n" not in str(caught.value)
    with pytest.raises(BundleError, match="does not exist"):
        backend.load(scratch / f"absent{backend.suffix}", contract)


def renamed_output(contract: GraphContract) -> GraphContract:
    """A contract of the same shapes with another name."""
    first, *others = contract.outputs
    return replace_outputs(contract, (_replace(first, name="heat"), *others))


def reshaped_output(contract: GraphContract) -> GraphContract:
    """A contract of the same names with another shape."""
    first, *others = contract.outputs
    return replace_outputs(contract, (_replace(first, shape=(*first.shape[:-1], 1)), *others))


def replace_outputs(contract: GraphContract, outputs) -> GraphContract:
    return _replace(contract, outputs=tuple(outputs))


def _replace(struct, **changes):
    import msgspec

    return msgspec.structs.replace(struct, **changes)
