from __future__ import annotations

import shutil

import numpy as np
import pytest

from rapsam.errors import BundleError
from rapsam.export.backends.coreml import emulation as coreml_emulation
from rapsam.export.backends.coreml.mil.inspection import check_program
from tests.export.backends.one_op_programs import Case, run_saved


@pytest.fixture
def changed(probe, lowered, tmp_path):
    """Loads the probe's package for emulation after a change of its `Model` message."""
    import coremltools

    _, artifact = lowered("coreml-fp32-ios17")
    path = shutil.copytree(artifact.path, tmp_path / "changed.mlpackage")

    def load(change):
        spec = coremltools.models.utils.load_spec(str(path))
        function = spec.mlProgram.functions["main"]
        change(spec.mlProgram, function.block_specializations[function.opset].operations)
        (path / "Data/com.apple.CoreML/model.mlmodel").write_bytes(spec.SerializeToString())
        return coreml_emulation.load(path, probe.contract)

    return load


def first(operations, kind):
    return next(operation for operation in operations if operation.type == kind)


def test_a_package_that_is_written_again_without_a_change_is_loaded(changed, probe) -> None:
    assert set(changed(lambda *_: None).run(probe.inputs)) == set(probe.outputs)


def test_an_unknown_operator_is_named(changed) -> None:
    def change(_, operations):
        first(operations, "softmax").type = "lstm"

    with pytest.raises(BundleError, match=r"does not know: \['lstm'\]"):
        changed(change)


def test_a_huge_value_is_refused(changed) -> None:
    def change(_, operations):
        first(operations, "conv").outputs[0].type.tensorType.dimensions[0].constant.size = 2**40

    with pytest.raises(BundleError, match="elements; at most"):
        changed(change)


def with_constants_of(elements: int, operations) -> None:
    """Says of each of three constants that it has so many elements."""
    for operation in [each for each in operations if each.type == "const"][:3]:
        dimensions = operation.attributes["val"].type.tensorType.dimensions
        del dimensions[:]
        dimensions.add().constant.size = elements


def test_constants_that_are_huge_together_are_refused(changed) -> None:
    with pytest.raises(BundleError, match=r"the constants of .* at most"):
        changed(lambda _, operations: with_constants_of(2**29, operations))


def test_a_network_may_have_as_many_weights_as_the_largest_of_ours(lowered) -> None:
    import coremltools

    _, artifact = lowered("coreml-fp32-ios17")
    spec = coremltools.models.utils.load_spec(str(artifact.path))
    function = spec.mlProgram.functions["main"]
    with_constants_of(641_090_608 // 3, function.block_specializations[function.opset].operations)
    check_program(spec, artifact.path)


def test_compressed_weights_that_are_huge_together_are_refused_before_they_are_decoded(tmp_path) -> None:
    """Each is within the limit, and eight weights lie in a byte."""
    size, count = 2**28, 5

    def build(mb, dtype, x):
        for _ in range(count):
            palette, shape = np.array([0, 1], dtype), np.array([size], np.uint32)
            indices = np.zeros(size // 8, np.uint8)
            x = mb.add(x=x, y=mb.constexpr_lut_to_dense(indices=indices, lut=palette, shape=shape))
        return x

    case = Case(build, lambda x: x.expand(size), {"x": np.ones(1, np.float32)})
    with pytest.raises(BundleError, match="the compressed weights"):
        run_saved({"y": case}, 16, "fp32", tmp_path)


def test_an_operator_of_constants_only_is_refused(changed) -> None:
    """Core ML Tools would compute it while it loads, whatever its size."""

    def change(_, operations):
        constant = first(operations, "const").outputs[0].name
        for argument in first(operations, "relu").inputs["x"].arguments:
            argument.name = constant

    with pytest.raises(BundleError, match=r"relu of .* has constants only"):
        changed(change)


def test_a_second_function_is_refused(changed) -> None:
    def change(program, _):
        program.functions["other"].CopyFrom(program.functions["main"])

    with pytest.raises(BundleError, match="one, 'main', expected"):
        changed(change)


def test_a_program_whose_shapes_do_not_fit_is_refused(changed) -> None:
    def change(_, operations):
        argument = first(operations, "matmul").inputs["y"].arguments[0]
        argument.name = first(operations, "conv").outputs[0].name

    with pytest.raises(BundleError, match="changed"):
        changed(change)


def test_an_operator_without_an_input_is_refused(changed) -> None:
    def change(_, operations):
        del first(operations, "matmul").inputs["y"]

    with pytest.raises(BundleError, match="changed"):
        changed(change)
