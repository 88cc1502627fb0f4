"""Operators as files have them, without running anything."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from rapsam.errors import BundleError
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.file_graph import FileOperator, FileTensor, ReadsGraphs, file_graph_of
from tests.benchmarks.runners.browser.tiny_tflite_file import write_tiny_tflite

ONNX = BACKENDS["onnx"]


def write(path, nodes, constants, shape=(2, 4)):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def small_weights():
    return [
        numpy_helper.from_array(np.ones((4, 4), np.int8), "w8"),
        numpy_helper.from_array(np.float32(0.5), "scale"),
    ]


def test_an_onnx_file_tells_operators_with_inferred_shapes_and_weights_as_stored(tmp_path):
    nodes = [
        helper.make_node("DequantizeLinear", ["w8", "scale"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["product"], name="part.product"),
        helper.make_node("Relu", ["product"], ["y"], name="part.relu"),
    ]
    graph = ONNX.file_graph(write(tmp_path / "a.onnx", nodes, small_weights()))
    assert [(each.op, each.place) for each in graph.operators] == [
        ("MatMul", "part.product"),
        ("Relu", "part.relu"),
    ]
    assert graph.tensors["product"] == FileTensor((2, 4), 32, stored=False)
    assert graph.tensors["w"] == FileTensor((4, 4), 16 + 4, stored=True)
    assert (graph.inputs, graph.outputs) == (("x",), ("y",))


def test_a_side_that_is_not_told_counts_once(tmp_path):
    path = write(tmp_path / "a.onnx", [helper.make_node("Relu", ["x"], ["y"])], [], ("rows", 4))
    assert ONNX.file_graph(path).tensors["x"] == FileTensor((-1, 4), 16, stored=False)


def test_graphs_within_graphs_and_damaged_files_are_refused(tmp_path):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (2, 4)) for name in ("a", "b")]
    branches = [
        helper.make_graph([helper.make_node("Relu", ["x"], [end.name])], end.name, [], [end]) for end in ends
    ]
    choice = helper.make_node("If", ["known"], ["y"], then_branch=branches[0], else_branch=branches[1])
    known = numpy_helper.from_array(np.array(True), "known")
    with pytest.raises(BundleError, match="the operator If with graphs in it"):
        ONNX.file_graph(write(tmp_path / "a.onnx", [choice], [known]))
    (tmp_path / "b.onnx").write_bytes(b"damaged" * 10)
    with pytest.raises(BundleError, match="ONNX refuses"):
        ONNX.file_graph(tmp_path / "b.onnx")


def test_a_tflite_file_tells_operators_before_any_delegate_takes_them(tmp_path):
    write_tiny_tflite(tmp_path / "a.tflite")
    graph = BACKENDS["tflite"].file_graph(tmp_path / "a.tflite")
    (operator,) = graph.operators
    assert (operator.op, operator.place) == ("MUL", "halved")
    given, half = (graph.tensors[key] for key in operator.inputs)
    assert given == FileTensor((1, 4, 4, 2), 128, stored=False)
    assert (half.shape, half.stored) == ((1,), True)
    (tmp_path / "a.tflite").write_bytes(b"damaged" * 10)
    with pytest.raises(BundleError, match="LiteRT refuses"):
        BACKENDS["tflite"].file_graph(tmp_path / "a.tflite")


def test_what_the_formats_that_can_be_read_are():
    readers = {name for name, backend in BACKENDS.items() if isinstance(backend, ReadsGraphs)}
    assert readers == {"onnx", "tflite"}


def test_what_reads_constants_alone_is_a_constant_too():
    tensors = {
        "x": FileTensor((4,), 16, stored=False),
        "c": FileTensor((1,), 4, stored=True),
        "wide": FileTensor((4,), 16, stored=False),
        "free": FileTensor((2,), 8, stored=False),
        "y": FileTensor((4,), 16, stored=False),
    }
    operators = (
        FileOperator("Expand", "", ("c",), ("wide",)),
        FileOperator("Constant", "", (), ("free",)),
        FileOperator("Add", "", ("x", "wide", "lost"), ("y",)),
    )
    graph = file_graph_of(operators, tensors, ("x",), ("y",))
    assert graph.operators == (FileOperator("Add", "", ("x", "wide"), ("y",)),)
    assert graph.tensors["wide"] == FileTensor((4,), 4, stored=True)
    assert graph.tensors["free"] == FileTensor((2,), 8, stored=True)
