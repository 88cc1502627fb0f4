from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from rapsam.contract import GraphContract
from rapsam.errors import BundleError, ExportError
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.backends.lower_graph import GraphCalibration, lower_graph
from rapsam.metrics.tensor_error import compare_tensors
from tests.export.backends import probe_case
from tests.quantize.test_policy import spec

PRECISIONS = ("fp32", "fp16")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_onnx_runtime_computes_what_pytorch_computes(probe, lowered, precision) -> None:
    backend, artifact = lowered(f"onnx-{precision}")
    runner = backend.load(artifact.path, probe.contract)
    probe_case.assert_computes_the_probe(runner, probe, precision)


def test_an_onnx_runner_keeps_runs_apart_and_refuses_wrong_inputs(probe, lowered) -> None:
    backend, artifact = lowered("onnx-fp32")
    runner = backend.load(artifact.path, probe.contract, threads=2)
    probe_case.assert_runs_are_independent(runner, probe)
    probe_case.assert_refuses_wrong_inputs(runner, probe)


def test_damaged_onnx_files_are_refused(probe, lowered, tmp_path) -> None:
    backend, artifact = lowered("onnx-fp32")
    probe_case.assert_refuses_damaged_files(backend, artifact.path, probe.contract, tmp_path)


@pytest.mark.parametrize("change", [probe_case.renamed_output, probe_case.reshaped_output])
def test_an_onnx_file_of_another_graph_is_refused(probe, lowered, change) -> None:
    backend, artifact = lowered("onnx-fp32")
    with pytest.raises(BundleError, match="outputs"):
        backend.load(artifact.path, change(probe.contract))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_onnx_file_describes_itself(lowered, precision) -> None:
    import onnx

    _, artifact = lowered(f"onnx-{precision}")
    model = onnx.load(artifact.path)
    onnx.checker.check_model(model, full_check=True)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert set(metadata) == {"contract", "labels", "author"}
    assert metadata["labels"] == "cat, dog"
    assert json.loads(metadata["contract"])["graph"] == "probe"
    assert [node.name for node in model.graph.input] == ["image", "boxes"]
    assert model.graph.input[0].doc_string == "RGB pixels"
    assert model.opset_import[0].version == 18
    names = [node.name for node in model.graph.node]
    assert len(set(names)) == len(names)
    kinds = {node.op_type for node in model.graph.node}
    assert "BatchNormalization" not in kinds, "simplifying folds it into the convolutions"


def test_onnx_fp16_stores_weights_in_16_bits(lowered) -> None:
    import onnx

    _, artifact = lowered("onnx-fp16")
    tensors = onnx.load(artifact.path).graph.initializer
    halves = sum(len(t.raw_data) for t in tensors if t.data_type == onnx.TensorProto.FLOAT16)
    floats = sum(len(t.raw_data) for t in tensors if t.data_type == onnx.TensorProto.FLOAT)
    assert halves > 10 * floats


def test_onnx_files_are_the_same_every_time(probe, lowered, tmp_path) -> None:
    backend, artifact = lowered("onnx-fp32")
    metadata = {"labels": "cat, dog", "author": "somebody"}
    path = tmp_path / "again.onnx"
    again = backend.lower(probe.program, probe.contract, RECIPES["onnx-fp32"], path, metadata)
    assert again.sha256 == artifact.sha256
    assert again.size_bytes == path.stat().st_size
    assert again.recipe == "onnx-fp32"
    assert set(again.tool_versions) == {"torch", "onnx", "onnxscript", "onnxsim", "onnxruntime"}


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_gelu_is_one_operator(tmp_path, precision) -> None:
    """ONNX Runtime does not recognise how PyTorch spells it out for older opsets."""
    import onnx

    torch.manual_seed(0)
    contract = GraphContract(
        graph="gelu",
        inputs=(spec("image", 1, 3, 16, 16),),
        outputs=(spec("out", 1, 3, 16, 16),),
        image_size=(16, 16),
    )
    module, path = nn.Sequential(nn.Conv2d(3, 3, 1), nn.GELU()).eval(), tmp_path / "gelu.onnx"
    recipe = RECIPES[f"onnx-{precision}"]
    lowered = lower_graph(module, contract, recipe, path, lambda _: None)
    model = onnx.load(path)
    assert "Gelu" in {node.op_type for node in model.graph.node}
    assert lowered.artifact.minimum_runtime == "onnxruntime 1.17.0"
    inputs = contract.example_inputs()
    with torch.no_grad():
        expected = module(torch.from_numpy(inputs["image"])).numpy()
    found = BACKENDS["onnx"].load(path, contract).run(inputs)["out"]
    np.testing.assert_allclose(found, expected, atol=1e-5 if precision == "fp32" else 1e-2)


class Large(nn.Module):
    """Weights that take no memory here."""

    def __init__(self) -> None:
        super().__init__()
        with torch.device("meta"):
            self.layer = nn.Linear(1 << 15, 20_000)


def test_a_graph_that_no_file_holds_is_refused_at_once(tmp_path) -> None:
    contract = GraphContract(graph="large", inputs=(), outputs=(), image_size=(16, 16))
    path, said = tmp_path / "large.onnx", []
    with pytest.raises(ExportError, match=r"'large' has 2\.4 GiB of weights in fp32, .* \.onnx holds 2 GiB"):
        lower_graph(Large(), contract, RECIPES["onnx-fp32"], path, said.append)
    assert not said
    assert not path.exists()


def test_the_name_of_the_backend_is_its_key() -> None:
    assert all(backend.name == key for key, backend in BACKENDS.items())


class Enlarging(nn.Module):
    """A stem, a pool of its result, and a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.body = nn.Conv2d(8, 8, 3, padding=1)
        self.up = nn.ConvTranspose2d(8, 4, 4, 2, 1)

    def forward(self, image):
        pooled = functional.max_pool2d(torch.relu(self.stem(image)), 2)
        return torch.relu(self.up(torch.relu(self.body(pooled)))) + image.mean(1, keepdim=True)


def test_integers_of_a_float_pool_are_made_behind_it_and_blocks_of_convolutions(tmp_path) -> None:
    """ONNX Runtime would pool integers forty times slower, and knows no integer transposed convolution."""
    import onnx

    torch.manual_seed(0)
    contract = GraphContract(
        graph="enlarging",
        inputs=(spec("image", 1, 3, 16, 16),),
        outputs=(spec("out", 1, 4, 16, 16),),
        image_size=(16, 16),
    )
    path, module = tmp_path / "enlarging.onnx", Enlarging().eval()
    calibration = GraphCalibration([contract.example_inputs(seed) for seed in range(4)], {"stem": "^stem$"})
    lowered = lower_graph(
        module, contract, RECIPES["onnx-w8a8"], path, lambda _: None, calibration=calibration
    )
    assert [(left.module, left.why.partition(":")[0]) for left in lowered.left] == [("stem", "stem")]
    model = onnx.load(path)
    kinds = [node.op_type for node in model.graph.node]
    assert "ConvTranspose" not in kinds
    held = next(node for node in model.graph.node if node.op_type == "Max")
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    assert (makers[held.input[0]], len(held.input)) == ("MaxPool", 1)
    takers = [node.op_type for node in model.graph.node if held.output[0] in node.input]
    assert takers == ["QuantizeLinear"]
    sample = contract.example_inputs(1)
    ours = BACKENDS["onnx"].load(path, contract).run(sample)["out"]
    with torch.no_grad():
        theirs = module(torch.from_numpy(sample["image"])).numpy()
    assert compare_tensors(ours, theirs).sqnr_db > 25
