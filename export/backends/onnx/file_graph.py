"""The operators of an ONNX file, with shapes as ONNX infers them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rapsam.errors import BundleError
from rapsam.export.backends.file_graph import FileGraph, FileOperator, FileTensor, file_graph_of


def onnx_file_graph(path: Path) -> FileGraph:
    """Reads a file. ONNX must be installed.

    Raises:
        BundleError: If it has subgraphs, of which nobody knows how often they run.
    """
    import onnx

    model = onnx.load(path, load_external_data=False)
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    operators = tuple(_operator(path, node) for node in graph.node)
    tensors = {name: FileTensor((), 0, stored=False) for each in operators for name in each.outputs}
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensors[value.name] = _tensor(value.type.tensor_type)
    for constant in graph.initializer:
        size = math.prod(constant.dims) * _element_bytes(constant.data_type)
        tensors[constant.name] = FileTensor(tuple(constant.dims), math.ceil(size), stored=True)
    stored = {constant.name for constant in graph.initializer}
    inputs = (value.name for value in graph.input if value.name not in stored)
    return file_graph_of(operators, tensors, inputs, (value.name for value in graph.output))


def _operator(path: Path, node: Any) -> FileOperator:  # noqa: ANN401 - untyped package
    if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
        raise BundleError(f"{path} has the operator {node.op_type} with graphs in it, which nobody can count")
    # Names of inputs that are left out are empty.
    return FileOperator(
        node.op_type, node.name, tuple(filter(None, node.input)), tuple(filter(None, node.output))
    )


def _tensor(kind: Any) -> FileTensor:  # noqa: ANN401 - untyped package
    shape = tuple(side.dim_value if side.HasField("dim_value") else -1 for side in kind.shape.dim)
    count = math.prod(side for side in shape if side >= 0)
    return FileTensor(shape, math.ceil(count * _element_bytes(kind.elem_type)), stored=False)


def _element_bytes(code: int) -> float:
    """Returns the bytes of an element; less than one for numbers of 4 bits, 0 for what has no size."""
    from onnx import TensorProto, helper

    if code in (TensorProto.INT4, TensorProto.UINT4):
        return 0.5
    if code in (TensorProto.UNDEFINED, TensorProto.STRING):
        return 0
    return int(helper.tensor_dtype_to_np_dtype(code).itemsize)
