"""A TFLite file of one operator, which takes no converter to make: it halves its input."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

SHAPE = (1, 4, 4, 2)


def write_tiny_tflite(path: Path, shape: tuple[int, ...] = SHAPE) -> None:
    tensors = [tensor("given", [*shape], 0), tensor("half", [1], 1), tensor("halved", [*shape], 0)]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.MUL
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1], [2]
    operator.builtinOptionsType, operator.builtinOptions = (
        schema.BuiltinOptions.MulOptions,
        schema.MulOptionsT(),
    )
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = tensors, [operator], [0], [2]
    model = schema.ModelT()
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], [code]
    model.buffers = [buffer(), buffer(np.array([0.5], np.float32))]
    model.signatureDefs = [signature()]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def tensor(name: str, shape: list[int], buffer_number: int) -> schema.TensorT:
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, shape, schema.TensorType.FLOAT32, buffer_number
    return made


def buffer(values: np.ndarray | None = None) -> schema.BufferT:
    made = schema.BufferT()
    if values is not None:
        made.data = np.frombuffer(values.tobytes(), np.uint8)
    return made


def signature() -> schema.SignatureDefT:
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = "serving_default", 0
    made.inputs, made.outputs = [entry("given", 0)], [entry("halved", 2)]
    return made


def entry(name: str, number: int) -> schema.TensorMapT:
    made = schema.TensorMapT()
    made.name, made.tensorIndex = name, number
    return made
