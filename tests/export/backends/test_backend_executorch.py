from __future__ import annotations

import pytest

from rapsam.errors import BundleError
from tests.export.backends import probe_case

PRECISIONS = ("fp32", "fp16")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_executorch_computes_what_pytorch_computes(probe, lowered, precision) -> None:
    backend, artifact = lowered(f"executorch-{precision}")
    runner = backend.load(artifact.path, probe.contract)
    probe_case.assert_computes_the_probe(runner, probe, precision)


def test_an_executorch_runner_keeps_runs_apart_and_refuses_wrong_inputs(probe, lowered) -> None:
    backend, artifact = lowered("executorch-fp32")
    runner = backend.load(artifact.path, probe.contract, threads=2)
    probe_case.assert_runs_are_independent(runner, probe)
    probe_case.assert_refuses_wrong_inputs(runner, probe)


def test_damaged_executorch_files_are_refused(probe, lowered, tmp_path) -> None:
    backend, artifact = lowered("executorch-fp32")
    probe_case.assert_refuses_damaged_files(backend, artifact.path, probe.contract, tmp_path)


def test_an_executorch_file_of_another_graph_is_refused(probe, lowered) -> None:
    backend, artifact = lowered("executorch-fp32")
    with pytest.raises(BundleError, match="outputs"):
        backend.load(artifact.path, probe_case.reshaped_output(probe.contract))
    fewer = probe_case.replace_outputs(probe.contract, probe.contract.outputs[:-1])
    with pytest.raises(BundleError, match="outputs"):
        backend.load(artifact.path, fewer)


def test_the_delegate_is_in_the_file(lowered) -> None:
    _, artifact = lowered("executorch-fp32")
    assert b"XnnpackBackend" in artifact.path.read_bytes()
    assert set(artifact.tool_versions) == {"torch", "executorch", "torchao"}
