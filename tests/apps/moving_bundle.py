"""A bundle like the tiny one that also follows objects through a video."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import onnx
from onnx import helper, numpy_helper

from rapsam.contract import GraphContract, Pipeline
from rapsam.export.backends import BACKENDS
from rapsam.tasks.labels import find_label_set
from rapsam.tasks.preprocess import PreprocessSpec
from tests.benchmarks.tiny_onnx_bundle import CONTRACTS, QUERIES, SIZE, tensor, write_onnx
from tests.export.small_bundle import made_up_manifest, seal, write_entry

CHANNELS = 8
SEE, FIND = CONTRACTS[0], CONTRACTS[1]
FOLLOW = msgspec.structs.replace(FIND, outputs=(*FIND.outputs, tensor("queries", 1, QUERIES, CHANNELS)))


def write_moving_bundle(folder: Path) -> None:
    """Writes it; its queries keep their places, and turn a little with the picture's mean colour."""
    folder.mkdir(parents=True)
    entries = []
    for contract in (SEE, FOLLOW):
        path = folder / f"{contract.graph}.onnx"
        write_onnx(path, SEE if contract is SEE else FIND)
        if contract is FOLLOW:
            _add_queries(path, contract)
        entries.append(write_entry(path, contract))
    manifest = made_up_manifest(
        graphs=tuple(entries),
        pipelines=tuple(Pipeline(task=task, graphs=("see", "find")) for task in ("panoptic", "video")),
        labels=find_label_set("ytvis_2019"),
        preprocess=PreprocessSpec(size=SIZE),
        prompts=None,
    )
    load = BACKENDS["onnx"].load
    seal(folder, manifest, {e.contract.graph: load(folder / e.path, e.contract) for e in entries})


def _add_queries(path: Path, contract: GraphContract) -> None:
    model = onnx.load(path)
    rng = np.random.default_rng(5)
    fixed = rng.normal(size=(1, QUERIES, CHANNELS)).astype(np.float32)
    turn = (rng.normal(size=(3, QUERIES * CHANNELS)) / 4000).astype(np.float32)
    model.graph.node.extend(
        [
            helper.make_node("MatMul", ["means", "turn"], ["turned"]),
            helper.make_node("Reshape", ["turned", "as_queries"], ["turns"]),
            helper.make_node("Add", ["turns", "fixed"], ["queries"]),
        ]
    )
    shape = np.array((1, QUERIES, CHANNELS), np.int64)
    constants = {"fixed": fixed, "turn": turn, "as_queries": shape}
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    output = contract.outputs[-1]
    model.graph.output.append(
        helper.make_tensor_value_info(output.name, onnx.TensorProto.FLOAT, output.shape)
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
