"""A bundle of three tiny ONNX graphs that takes no converter to make: it finds objects and takes boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rapsam.contract import GraphContract, Pipeline, TensorSpec
from rapsam.export.backends import BACKENDS
from rapsam.export.bundle.manifest import Manifest
from rapsam.tasks.labels import find_label_set
from rapsam.tasks.preprocess import PreprocessSpec
from rapsam.tasks.prompt_set import PromptSpec
from tests.export.small_bundle import Constant, made_up_manifest, seal, write_entry

SIZE = (32, 64)
QUERIES, PROMPTS, CLASSES = 5, 2, 41
MAP = (8, 16)


def tensor(name: str, *shape: int, role: str | None = None) -> TensorSpec:
    return TensorSpec(
        name=name,
        shape=shape,
        dtype="float32",
        layout="NCHW"[: len(shape)],
        value_range=None,
        meaning="a test",
        role=role or name,
    )


CONTRACTS = (
    GraphContract(
        graph="see",
        inputs=(tensor("picture", 1, 3, *SIZE, role="image"),),
        outputs=(tensor("seen", 1, 3, *MAP, role="flow"),),
    ),
    GraphContract(
        graph="find",
        inputs=(tensor("seen", 1, 3, *MAP, role="flow"),),
        outputs=(
            tensor("classes", 1, QUERIES, CLASSES, role="class_logits"),
            tensor("masks", 1, QUERIES, *MAP, role="mask_logits"),
        ),
    ),
    GraphContract(
        graph="answer",
        inputs=(tensor("seen", 1, 3, *MAP, role="flow"), tensor("corners", 1, PROMPTS, 4, role="boxes")),
        outputs=(
            tensor("answered", 1, PROMPTS, *MAP, role="mask_logits"),
            tensor("quality", 1, PROMPTS, role="iou"),
        ),
    ),
)
PIPELINES = (
    Pipeline(task="panoptic", graphs=("see", "find")),
    Pipeline(task="prompt", graphs=("see", "answer")),
)
FOLLOWED = GraphContract(
    graph="find",
    inputs=CONTRACTS[1].inputs,
    outputs=(*CONTRACTS[1].outputs, tensor("queries", 1, QUERIES, 1, role="queries")),
)
"""In place of the second graph where the bundle follows objects."""
SPEC = PromptSpec(
    encoding="boxes",
    max_points=1,
    negative_points=False,
    boxes=True,
    points_with_box=False,
    masks=False,
    candidates=1,
    point_radius=3.0,
)


def weights(name: str, *shape: int, seed: int = 0):
    return numpy_helper.from_array(np.random.default_rng(seed).normal(size=shape).astype(np.float32), name)


def sizes(name: str, *values: int):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def graph_nodes(graph: str, *, follows: bool):
    node = helper.make_node
    if graph == "see":
        return [node("AveragePool", ["picture"], ["seen"], kernel_shape=[4, 4], strides=[4, 4])], []
    if graph == "find":
        nodes = [
            node("GlobalAveragePool", ["seen"], ["mean"]),
            node("Reshape", ["mean", "row"], ["means"]),
            node("MatMul", ["means", "to_classes"], ["flat"]),
            node("Reshape", ["flat", "as_classes"], ["classes"]),
            node("Conv", ["seen", "to_masks"], ["masks"]),
        ]
        if follows:
            nodes.append(node("ReduceMax", ["classes", "last"], ["queries"]))
        return nodes, [
            *([sizes("last", 2)] if follows else []),
            sizes("row", 1, 3),
            weights("to_classes", 3, QUERIES * CLASSES),
            sizes("as_classes", 1, QUERIES, CLASSES),
            weights("to_masks", QUERIES, 3, 1, 1),
        ]
    nodes = [
        node("MatMul", ["corners", "to_tokens"], ["tokens"]),
        node("Reshape", ["seen", "as_pixels"], ["pixels"]),
        node("MatMul", ["tokens", "pixels"], ["products"]),
        node("Reshape", ["products", "as_masks"], ["answered"]),
        node("ReduceSum", ["corners", "last"], ["sums"], keepdims=0),
        node("Sigmoid", ["sums"], ["quality"]),
    ]
    return nodes, [
        weights("to_tokens", 4, 3, seed=1),
        sizes("as_pixels", 1, 3, MAP[0] * MAP[1]),
        sizes("as_masks", 1, PROMPTS, *MAP),
        sizes("last", 2),
    ]


def write_onnx(path: Path, contract: GraphContract) -> None:
    nodes, constants = graph_nodes(
        contract.graph, follows="queries" in [spec.name for spec in contract.outputs]
    )
    ends = [
        [helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, spec.shape) for spec in specs]
        for specs in (contract.inputs, contract.outputs)
    ]
    graph = helper.make_graph(nodes, contract.graph, *ends, initializer=constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, path)


def write_tiny_bundle(folder: Path, *, right: bool = True, follows: bool = False) -> Manifest:
    """Writes the bundle.

    Args:
        folder: Is made.
        right: A wrong one has another network's results as its self-test.
        follows: Whether it does the task "video" too.
    """
    folder.mkdir(parents=True)
    entries = []
    for contract in (CONTRACTS[0], FOLLOWED, CONTRACTS[2]) if follows else CONTRACTS:
        path = folder / f"{contract.graph}.onnx"
        write_onnx(path, contract)
        entries.append(write_entry(path, contract))
    runners = {
        entry.contract.graph: BACKENDS["onnx"].load(folder / entry.path, entry.contract)
        if right
        else Constant(entry.contract)
        for entry in entries
    }
    manifest = made_up_manifest(
        graphs=tuple(entries),
        pipelines=(*PIPELINES, Pipeline(task="video", graphs=("see", "find"))) if follows else PIPELINES,
        labels=find_label_set("ytvis_2019"),
        preprocess=PreprocessSpec(size=SIZE),
        prompts=SPEC,
    )
    return seal(folder, manifest, runners)
