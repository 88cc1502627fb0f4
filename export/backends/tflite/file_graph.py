"""The operators of a TFLite file, as LiteRT lists them before any delegate has taken some."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from rapsam.export.backends.file_graph import FileGraph, FileOperator, FileTensor, file_graph_of


def tflite_file_graph(path: Path) -> FileGraph:
    """Reads a file. LiteRT must be installed."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_path=str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    details = {str(d["index"]): d for d in interpreter.get_tensor_details()}
    inputs, outputs = (
        tuple(str(d["index"]) for d in ends)
        for ends in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    operators = tuple(_operator(listed, details) for listed in interpreter._get_ops_details())
    made = {key for each in operators for key in each.outputs}
    tensors = {key: _tensor(d, stored=key not in made and key not in inputs) for key, d in details.items()}
    return file_graph_of(operators, tensors, inputs, outputs)


def _operator(listed: Any, details: dict[str, Any]) -> FileOperator:  # noqa: ANN401 - untyped package
    reads, makes = (
        tuple(key for key in map(str, listed[side]) if key in details) for side in ("inputs", "outputs")
    )
    # The converter writes the module in front of the names of what it makes.
    place = str(details[makes[0]]["name"]).partition(";")[0] if makes else ""
    return FileOperator(str(listed["op_name"]), place, reads, makes)


def _tensor(details: Any, *, stored: bool) -> FileTensor:  # noqa: ANN401 - untyped package
    shape = tuple(int(side) for side in details["shape_signature"]) or tuple(map(int, details["shape"]))
    count = math.prod(side for side in shape if side >= 0)
    return FileTensor(shape, count * np.dtype(details["dtype"]).itemsize, stored)
