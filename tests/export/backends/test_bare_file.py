"""Files without a bundle: what can be said of them from themselves."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from rapsam.errors import BundleError, InputError
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.bare_file import file_backends, file_contract
from rapsam.export.backends.file_tensors import derived_contract, derived_spec
from rapsam.export.backends.onnx.backend import CPU_PROVIDER, OTHER_PROVIDERS
from rapsam.export.backends.runtimes import prepared_call, reported_units

FORMATS = ("onnx", "tflite", "executorch")
REPORTED = {"onnx": (CPU_PROVIDER,), "tflite": ("XNNPACK", "CPU"), "executorch": None}


def write(path, kind=TensorProto.FLOAT, shape=(1, 4)):
    ends = [helper.make_tensor_value_info(name, kind, shape) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def pairs(ours, theirs):
    """TFLite keeps names and not the order, ExecuTorch the order and not the names."""
    named = {spec.name: spec for spec in theirs}
    if {spec.name for spec in ours} == named.keys():
        return [(spec, named[spec.name]) for spec in ours]
    return list(zip(ours, theirs, strict=True))


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_says_what_it_takes_and_computes_the_same(probe, lowered, name):
    backend, artifact = lowered(f"{name}-fp32")
    assert file_backends(artifact.path)[0].name == backend.name
    contract = file_contract(backend, artifact.path)
    inputs = pairs(contract.inputs, probe.contract.inputs)
    outputs = pairs(contract.outputs, probe.contract.outputs)
    assert all(ours.shape == theirs.shape for ours, theirs in (*inputs, *outputs))
    assert {ours.dtype for ours, _ in (*inputs, *outputs)} == {"float32"}
    runner = backend.runtimes[0].load(artifact.path, contract)
    found = runner.run({ours.name: probe.inputs[theirs.name] for ours, theirs in inputs})
    for ours, theirs in outputs:
        assert np.abs(found[ours.name] - probe.outputs[theirs.name]).max() < 1e-3
    assert reported_units(runner) == REPORTED[name]


@pytest.mark.parametrize("name", FORMATS)
def test_a_prepared_call_is_the_runtimes_own(probe, lowered, name):
    """Its results are the runtime's own: a dictionary, arrays in order, or tensors in order."""
    backend, artifact = lowered(f"{name}-fp32")
    runner = backend.runtimes[0].load(artifact.path, probe.contract)
    expected = runner.run(probe.inputs)
    given = prepared_call(runner, probe.inputs)()
    values = given if isinstance(given, dict) else dict(zip(expected, given, strict=True))
    assert values.keys() == expected.keys()
    for name, value in values.items():
        assert np.array_equal(np.asarray(value), expected[name])


def test_a_prepared_call_checks_its_inputs_at_once(tmp_path):
    path = write(tmp_path / "a.onnx")
    runner = BACKENDS["onnx"].runtimes[0].load(path, BACKENDS["onnx"].file_contract(path))
    with pytest.raises(InputError):
        prepared_call(runner, {"x": np.zeros((1, 5), np.float32)})


def test_a_runner_that_prepares_nothing_runs_as_ever():
    class Doubles:
        def run(self, inputs):
            return {"y": 2 * inputs["x"]}

    assert prepared_call(Doubles(), {"x": np.ones(1, np.float32)})()["y"].tolist() == [2]


def test_other_elements_than_floats_are_taken(tmp_path):
    path = write(tmp_path / "a.onnx", TensorProto.INT64)
    contract = BACKENDS["onnx"].file_contract(path)
    assert [spec.dtype for spec in (*contract.inputs, *contract.outputs)] == ["int64", "float32"]
    runner = BACKENDS["onnx"].load(path, contract)
    assert runner.run({"x": np.arange(4)[None]})["y"].tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize(
    ("kind", "shape", "says"),
    [
        (TensorProto.FLOAT, ("batch", 4), r"leaves sides of its input 'x' open \(batchx4\)"),
        (TensorProto.FLOAT, (1, None), r"open \(1x\?\).* --shape x=1x1$"),
        (TensorProto.STRING, (1, 4), r"takes 'tensor\(string\)'"),
    ],
)
def test_what_cannot_be_made_up_is_refused(tmp_path, kind, shape, says):
    with pytest.raises(BundleError, match=says):
        BACKENDS["onnx"].file_contract(write(tmp_path / "a.onnx", kind, shape))


def test_sides_that_a_file_leaves_open_are_closed_by_the_user(tmp_path):
    path = write(tmp_path / "a.onnx", shape=("batch", 3, None, 4))
    backend = BACKENDS["onnx"]
    contract = file_contract(backend, path, {"x": (2, 3, 5, 4)})
    assert [spec.shape for spec in (*contract.inputs, *contract.outputs)] == [(2, 3, 5, 4)] * 2
    given = np.random.default_rng(0).random((2, 3, 5, 4), np.float32)
    assert np.array_equal(backend.load(path, contract).run({"x": given})["y"], given)


def test_a_fixed_shape_may_be_said_again(tmp_path):
    path = write(tmp_path / "a.onnx")
    assert file_contract(BACKENDS["onnx"], path, {"x": (1, 4)}) == file_contract(BACKENDS["onnx"], path)


def test_an_open_side_of_another_length_than_the_contract_is_still_refused(tmp_path):
    path = write(tmp_path / "a.onnx", shape=("batch", 4))
    contract = file_contract(BACKENDS["onnx"], path, {"x": (2, 4)})
    fixed = write(tmp_path / "b.onnx", shape=(1, 4))
    with pytest.raises(BundleError, match="its contract declares"):
        BACKENDS["onnx"].load(fixed, contract)


@pytest.mark.parametrize(
    ("shapes", "error", "says"),
    [
        (
            {},
            BundleError,
            r"leaves sides of its input 'x' open \(batchx3x\?x4\); close .* --shape x=1x3x640x4$",
        ),
        ({"y": (1, 3, 5, 4)}, InputError, "unknown input of a.onnx 'y'"),
        ({"x": (1, 3, 5)}, InputError, r"--shape x=1x3x5; expected a shape that fits batchx3x\?x4"),
        ({"x": (1, 2, 5, 4)}, InputError, "--shape x=1x2x5x4; expected a shape that fits"),
        ({"x": (1 << 20, 3, 1 << 20, 4)}, BundleError, "elements; expected at most"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(tmp_path, shapes, error, says):
    path = write(tmp_path / "a.onnx", shape=("batch", 3, None, 4))
    with pytest.raises(error, match=says):
        file_contract(BACKENDS["onnx"], path, shapes)


def test_shapes_are_refused_where_all_files_fix_them(tmp_path):
    with pytest.raises(InputError, match=r"whose shapes are fixed, as in all \.tflite files"):
        file_contract(BACKENDS["tflite"], tmp_path / "a.tflite", {"x": (1, 4)})


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_refused(tmp_path, name):
    backend = BACKENDS[name]
    path = tmp_path / f"damaged{backend.suffix}"
    path.write_bytes(b"damaged" * 100)
    with pytest.raises(BundleError, match="damaged"):
        file_contract(backend, path)


def test_a_file_of_no_format_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected a folder .* endings \.pte, \.onnx, \.tflite"):
        file_backends(tmp_path / "a.mlpackage")


def test_absurd_tensors_are_refused(tmp_path):
    with pytest.raises(BundleError, match="elements; expected at most"):
        derived_spec(tmp_path, "x\n" * 1000, (1 << 20, 1 << 20))
    many = [derived_spec(tmp_path, f"x{k}", (1,)) for k in range(65)]
    for inputs, outputs in ((many, many), ([], many[:1]), (many[:1], [])):
        with pytest.raises(BundleError, match="expected at least one of each"):
            derived_contract(tmp_path, inputs, outputs)


def test_the_provider_is_the_one_that_the_session_has_not_the_one_that_was_asked(tmp_path):
    path = write(tmp_path / "a.onnx")
    backend = BACKENDS["onnx"]
    runner = backend.load_on("CoreMLExecutionProvider", path, backend.file_contract(path), 1)
    installed = {other.name for other in backend.runtimes[0].others()}
    if f"ONNX Runtime, {OTHER_PROVIDERS['CoreMLExecutionProvider']}" in installed:
        pytest.skip("this machine has the provider that it was taken for lacking")
    assert runner.units() == (CPU_PROVIDER,)
