from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from rapsam.contract import GraphContract
from rapsam.errors import BundleError, InputError
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES
from rapsam.graph.capture import capture
from tests.export.backends import probe_case
from tests.quantize.test_policy import spec

PRECISIONS = ("fp32", "fp16")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_litert_computes_what_pytorch_computes(probe, lowered, precision) -> None:
    backend, artifact = lowered(f"tflite-{precision}")
    runner = backend.load(artifact.path, probe.contract)
    probe_case.assert_computes_the_probe(runner, probe, precision)


def test_a_litert_runner_keeps_runs_apart_and_refuses_wrong_inputs(probe, lowered) -> None:
    backend, artifact = lowered("tflite-fp32")
    runner = backend.load(artifact.path, probe.contract, threads=2)
    probe_case.assert_runs_are_independent(runner, probe)
    probe_case.assert_refuses_wrong_inputs(runner, probe)


def test_damaged_tflite_files_are_refused(probe, lowered, tmp_path) -> None:
    backend, artifact = lowered("tflite-fp32")
    probe_case.assert_refuses_damaged_files(backend, artifact.path, probe.contract, tmp_path)


@pytest.mark.parametrize("change", [probe_case.renamed_output, probe_case.reshaped_output])
def test_a_tflite_file_of_another_graph_is_refused(probe, lowered, change) -> None:
    backend, artifact = lowered("tflite-fp32")
    with pytest.raises(BundleError, match="outputs"):
        backend.load(artifact.path, change(probe.contract))


def test_the_signature_speaks_in_the_names_of_the_contract(lowered) -> None:
    from ai_edge_litert.interpreter import Interpreter

    _, artifact = lowered("tflite-fp16")
    signature = Interpreter(model_path=str(artifact.path)).get_signature_list()["serving_default"]
    assert set(signature["inputs"]) == {"image", "boxes"}
    assert set(signature["outputs"]) == {"features", "mask_logits", "class_logits", "box_mask_logits"}


def test_tflite_fp16_halves_the_weights(lowered) -> None:
    sizes = {precision: lowered(f"tflite-{precision}")[1].size_bytes for precision in PRECISIONS}
    assert sizes["fp16"] < 0.75 * sizes["fp32"]  # the rest is structure, large beside so few weights


class Wide(nn.Module):
    """Has more weights than LiteRT's quantiser leaves inside the flatbuffer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(512, 512)

    def forward(self, x):
        return self.linear(x)


def test_fp16_weights_lie_inside_the_flatbuffer(tmp_path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    contract = GraphContract(graph="wide", inputs=(spec("x", 2, 512),), outputs=(spec("y", 2, 512),))
    recipe, path = RECIPES["tflite-fp16"], tmp_path / "wide.tflite"
    BACKENDS["tflite"].lower(capture(Wide(), contract), contract, recipe, path)
    content = path.read_bytes()
    assert 512 * 512 * 2 < len(content) < 512 * 512 * 3
    model = schema.Model.GetRootAs(content)
    buffers = [model.Buffers(number) for number in range(model.BuffersLength())]
    assert max(buffer.DataLength() for buffer in buffers) == 512 * 512 * 2
    assert all(buffer.Offset() == buffer.Size() == 0 for buffer in buffers)
    # Where they are read in place, as the format has them.
    start = np.frombuffer(content, np.uint8).__array_interface__["data"][0]
    filled = [buffer.DataAsNumpy() for buffer in buffers if buffer.DataLength()]
    places = [array.__array_interface__["data"][0] - start for array in filled]
    assert places
    assert all(place % 16 == 0 for place in places)


def test_nothing_is_written_over_an_existing_file(probe, lowered, tmp_path) -> None:
    backend, _ = lowered("tflite-fp32")
    path = tmp_path / "old.tflite"
    path.write_bytes(b"precious")
    with pytest.raises(InputError, match="exists already"):
        backend.lower(probe.program, probe.contract, RECIPES["tflite-fp32"], path)
    assert path.read_bytes() == b"precious"
