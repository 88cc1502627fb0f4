"""An ONNX file that leaves sides open, as exporters of detectors write them."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

OPEN = ("batch", 3, "height", "width")


def write_open_file(path: Path) -> Path:
    """Halves an image of any size, `images` to `halved`."""
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
        for name, shape in (("images", OPEN), ("halved", (OPEN[0], 3, "h", "w")))
    ]
    node = helper.make_node("AveragePool", ["images"], ["halved"], kernel_shape=[2, 2], strides=[2, 2])
    graph = helper.make_graph([node], "halve", *ends)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path
