"""Small captured graphs, examined as lint does it."""

from __future__ import annotations

import torch
from torch import nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.lint.examined import Examined, element_sizes
from rapsam.graph.capture import capture, example_tensors

FP32, FP16 = RECIPES["onnx-fp32"], RECIPES["onnx-fp16"]


class Computes(nn.Module):
    """A graph of one function of its inputs and of stored tensors."""

    def __init__(self, function, **stored) -> None:
        super().__init__()
        self.function = function
        for name, tensor in stored.items():
            self.register_buffer(name, tensor)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def spec(name: str, shape: tuple[int, ...]) -> TensorSpec:
    return TensorSpec(
        name=name,
        shape=shape,
        dtype="float32",
        layout="NCHWDKQM"[: len(shape)],
        value_range=None,
        meaning="of a test",
    )


def contract_of(module: nn.Module, *shapes: tuple[int, ...]) -> GraphContract:
    inputs = tuple(spec(f"input_{place}", shape) for place, shape in enumerate(shapes))
    with torch.no_grad():
        made = module.eval()(*example_tensors(GraphContract(graph="small", inputs=inputs, outputs=())))
    made = made if isinstance(made, tuple) else (made,)
    outputs = tuple(spec(f"output_{place}", tuple(each.shape)) for place, each in enumerate(made))
    return GraphContract(graph="small", inputs=inputs, outputs=outputs)


def examined(module: nn.Module, *shapes: tuple[int, ...], recipe=FP32, parts=None) -> Examined:
    contract = contract_of(module, *shapes)
    return Examined(capture(module, contract), contract, parts or {}, element_sizes(recipe))
