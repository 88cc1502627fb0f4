"""The sound files that all hostile ones are made from; small, and the same on every machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from rapsam.contract import GraphContract, Pipeline, TensorSpec
from rapsam.export.backends.onnx.backend import OnnxBackend
from rapsam.export.parity.sample_images import draw_scene
from rapsam.models.rapsam.deployment import PROMPT_SPEC
from rapsam.tasks.labels import find_label_set
from rapsam.tasks.preprocess import PreprocessSpec
from tests.data.sources.tiny_sets import (
    write_ade20k,
    write_coco_instances,
    write_coco_panoptic,
    write_sa1b,
    write_vipseg,
    write_youtube_vis,
)
from tests.export.small_bundle import made_up_manifest, seal, write_entry

SIZE, STRIDE, QUERIES, PROMPTS, WIDTH = (64, 96), 4, 6, 2, 8
SETS = {
    "coco_panoptic": write_coco_panoptic,
    "coco_instances": write_coco_instances,
    "youtube_vis_2019": write_youtube_vis,
    "ade20k_panoptic": write_ade20k,
    "vipseg": write_vipseg,
    "sa1b": write_sa1b,
}
_FEATURES = (1, 3, SIZE[0] // STRIDE, SIZE[1] // STRIDE)
_OPSET = 18


def write_material(folder: Path) -> None:
    """Writes a photograph, a bundle whose graphs compute in a millisecond, and a data set of every kind."""
    folder.mkdir(parents=True)
    Image.fromarray(draw_scene(3, (48, 64))).save(folder / "photo.png")
    write_fast_bundle(folder / "bundle")
    for kind, write in SETS.items():
        write(folder / "sets" / kind)


def write_fast_bundle(folder: Path) -> None:
    """Writes an ONNX bundle as an export does, but with graphs of one pooling and a few products."""
    labels = find_label_set("joint")
    folder.mkdir(parents=True)
    runners, entries = {}, []
    for contract, model in _graphs(len(labels.labels)):
        path = folder / f"{contract.graph}.onnx"
        path.write_bytes(model.SerializeToString(deterministic=True))
        runners[contract.graph] = OnnxBackend().load(path, contract)
        entries.append(write_entry(path, contract))
    manifest = made_up_manifest(
        graphs=tuple(entries),
        pipelines=(
            Pipeline(task="panoptic", graphs=("encoder", "panoptic")),
            Pipeline(task="prompt", graphs=("encoder", "prompt")),
        ),
        labels=labels,
        preprocess=PreprocessSpec(size=SIZE),
        prompts=PROMPT_SPEC,
    )
    seal(folder, manifest, runners)


def _graphs(classes: int) -> list[tuple[GraphContract, onnx.ModelProto]]:
    rng = np.random.default_rng(1)
    weights = {
        "masks": rng.normal(0, 0.1, (QUERIES, 3, 1, 1)),
        "clicks": rng.normal(0, 0.1, (PROMPTS, 3, 1, 1)),
        "classes": rng.normal(0, 0.2, (3, QUERIES * (classes + 1))),
        "vectors": rng.normal(0, 0.01, (3, QUERIES * WIDTH)),
        "class_shape": np.array([1, QUERIES, classes + 1]),
        "vector_shape": np.array([1, QUERIES, WIDTH]),
    }
    image = _spec("image", (1, 3, *SIZE), "NCHW")
    features = _spec("features", _FEATURES, "NCHW")
    masks = _spec("mask_logits", (1, QUERIES, *_FEATURES[2:]), "NQHW")
    scores = _spec("class_logits", (1, QUERIES, classes + 1), "NQK")
    queries = _spec("queries", (1, QUERIES, WIDTH), "NQC")
    boxes = _spec("boxes", (1, PROMPTS, 4), "NQD")
    clicked = _spec("mask_logits", (1, PROMPTS, *_FEATURES[2:]), "NQHW")
    iou = _spec("iou", (1, PROMPTS), "NQ")
    pool = helper.make_node("AveragePool", ["image"], ["features"], kernel_shape=[4, 4], strides=[4, 4])
    panoptic = [
        helper.make_node("Conv", ["features", "masks"], ["mask_logits"]),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "classes"], ["class_row"]),
        helper.make_node("Reshape", ["class_row", "class_shape"], ["class_logits"]),
        helper.make_node("MatMul", ["flat", "vectors"], ["vector_row"]),
        helper.make_node("Reshape", ["vector_row", "vector_shape"], ["queries"]),
    ]
    prompt = [
        helper.make_node("Conv", ["features", "clicks"], ["mask_logits"]),
        helper.make_node("ReduceMean", ["boxes", "last_axis"], ["iou"], keepdims=0),
    ]
    weights["last_axis"] = np.array([2])
    parts = [
        ("encoder", [pool], (image,), (features,)),
        ("panoptic", panoptic, (features,), (scores, masks, queries)),
        ("prompt", prompt, (features, boxes), (clicked, iou)),
    ]
    return [
        (GraphContract(graph=name, inputs=takes, outputs=gives), _model(name, nodes, takes, gives, weights))
        for name, nodes, takes, gives in parts
    ]


def _spec(name: str, shape: tuple[int, ...], layout: str) -> TensorSpec:
    return TensorSpec(
        name=name,
        shape=shape,
        dtype="float32",
        layout=layout,
        value_range=None,
        meaning="a test",
        role="flow" if name == "features" else name,
    )


def _model(name, nodes, takes, gives, weights) -> onnx.ModelProto:
    used = {tensor for node in nodes for tensor in node.input}
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, spec.shape) for spec in takes],
        [helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, spec.shape) for spec in gives],
        [
            numpy_helper.from_array(array.astype(np.float32 if array.dtype.kind == "f" else np.int64), key)
            for key, array in weights.items()
            if key in used
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = 9
    return model
