"""One way from a module to a file; few bits are run by the target's own runtime, or its emulation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rapsam.errors import InputError
from rapsam.export.backends import BACKENDS, find_backend
from rapsam.export.backends.catalogue import RECIPES, RUNTIMES, find_recipe
from rapsam.export.backends.lower_graph import GraphCalibration, lower_graph
from rapsam.metrics.tensor_error import compare_tensors
from tests.export.probe_network import probe_contract, probe_network

CONTRACT = probe_contract()
SAMPLES = [CONTRACT.example_inputs(seed) for seed in range(8)]
PARTS = {"sampling": r"^sampling(\.project)?$", "steering": r"^sampling\.offset$"}
# ExecuTorch 1.4.1 refuses an 8-bit transposed convolution whose rectified result leaves the graph ("up"), and
# ends with 0x10 where what 8-bit layers return is permuted ("stem.2", and the queries, which have no batch).
IN_EXECUTORCH = PARTS | {"sampling": r"^(sampling|sampling\.project|up|stem\.2|stage|classifier)\b|^$|box"}
# Of the worst output of the probe, whose weights are random; each has been some dB more.
LEAST_DB = {"w8": 28, "w8a8": 12, "w8a16": 20, "w8da8": 25, "p6": 14, "p4": 5}
FEW_BITS = [name for name, recipe in RECIPES.items() if recipe.quantisation and recipe.ios in (None, 18)]


def test_steps_are_said_and_the_captured_graph_is_returned(tmp_path) -> None:
    steps = []
    lowered = lower_graph(
        probe_network(), CONTRACT, find_recipe("onnx", "fp32"), tmp_path / "x.onnx", steps.append
    )
    assert steps == ["probe: capturing", "probe: lowering to onnx-fp32"]
    assert lowered.program is lowered.captured
    assert lowered.left == ()


@pytest.mark.parametrize("name", FEW_BITS)
def test_every_recipe_of_few_bits_computes_the_probe_with_a_smaller_file(name, tmp_path) -> None:
    recipe = RECIPES[name]
    backend = find_backend(recipe.backend)
    if backend.unavailable():
        pytest.skip(backend.unavailable())
    module, steps = probe_network(), []
    parts = IN_EXECUTORCH if name == "executorch-w8a8" else PARTS
    calibration = GraphCalibration(SAMPLES if recipe.calibrated else (), parts)
    lowered = lower_graph(
        module, CONTRACT, recipe, tmp_path / f"x{backend.suffix}", steps.append, calibration=calibration
    )
    assert any(f"to {recipe.precision}" in step for step in steps)
    assert lowered.artifact.recipe == name
    runtime = next(runtime for runtime in RUNTIMES[recipe.backend] if runtime.cannot_run() is None)
    found = runtime.load(lowered.artifact.path, CONTRACT).run(SAMPLES[1])
    with torch.no_grad():
        inputs = [torch.from_numpy(SAMPLES[1][spec.name]) for spec in CONTRACT.inputs]
        wanted = module.eval()(*inputs)
    pairs = zip(CONTRACT.outputs, wanted, strict=True)
    worst = min(compare_tensors(found[spec.name], values.numpy()).sqnr_db for spec, values in pairs)
    assert LEAST_DB[recipe.precision] <= worst < 120


def test_a_recipe_that_finds_ranges_wants_samples(tmp_path) -> None:
    for name in ("onnx-w8a8", "tflite-w8a8"):
        recipe = RECIPES[name]
        path = tmp_path / f"x{BACKENDS[recipe.backend].suffix}"
        with pytest.raises(InputError, match=r"no samples to calibrate graph 'probe' with"):
            lower_graph(probe_network(), CONTRACT, recipe, path, str)


def test_weights_of_onnx_are_integers_that_a_session_folds(tmp_path) -> None:
    import onnx

    recipe = find_recipe("onnx", "w8")
    path = lower_graph(probe_network(), CONTRACT, recipe, tmp_path / "x.onnx", str).artifact.path
    model = onnx.load(path)
    assert not [node for node in model.graph.node if node.op_type == "DequantizeLinear"]
    assert not [node for node in model.graph.node if node.metadata_props], "they hold paths of this machine"
    integers = [each for each in model.graph.initializer if each.data_type == onnx.TensorProto.INT8]
    stored = sum(np.prod(each.dims) for each in integers)
    weights = sum(p.numel() for name, p in probe_network().named_parameters() if p.ndim > 1)
    assert stored >= 0.8 * weights
