"""Manifests whose parts contradict each other are refused: whoever seals a bundle can write anything."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from rapsam.contract import Pipeline
from rapsam.errors import BundleError
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.manifest_file import read_manifest, write_contract, write_manifest
from rapsam.export.bundle.seal import file_entries, verify_bundle
from rapsam.models.rapsam.deployment import PROMPT_SPEC
from rapsam.tasks.labels import find_label_set
from rapsam.tasks.preprocess import PreprocessSpec


def sealed_again(folder: Path, manifest: Manifest) -> str:
    """Seals the folder with another manifest, and gives the message of the refusal."""
    (folder / "manifest.sha256").unlink()
    for entry in manifest.graphs:
        write_contract(folder, entry)
    write_manifest(folder, msgspec.structs.replace(manifest, files=file_entries(folder)))
    with pytest.raises(BundleError) as caught:
        verify_bundle(folder)
    return str(caught.value)


def with_labels(manifest: Manifest, **changes: object) -> Manifest:
    first, *others = manifest.labels.labels
    labels = (msgspec.structs.replace(first, **changes), *others)
    return msgspec.structs.replace(manifest, labels=msgspec.structs.replace(manifest.labels, labels=labels))


def pipelines(*tasks: str, graphs: tuple[str, ...] = ("encoder", "panoptic")) -> tuple[Pipeline, ...]:
    return tuple(Pipeline(task=task, graphs=graphs) for task in tasks)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"preprocess": PreprocessSpec(size=(1 << 31, 1 << 31))}, "gives 'image' of graph 'encoder'"),
        ({"preprocess": PreprocessSpec(size=(64, 32))}, "the shape [1, 3, 32, 64]; its size, classes"),
        ({"labels": find_label_set("coco_panoptic")}, "gives 'class_logits' of graph 'panoptic' the shape"),
        ({"recipe": "onnx-int4"}, "has an unknown recipe 'onnx-int4'; did you mean onnx-"),
        ({"recipe": "x" * 100_000}, "has an unknown recipe"),
        ({"pipelines": ()}, "has the tasks []; expected some of ['panoptic', 'prompt', 'video']"),
        ({"pipelines": pipelines("fly")}, "has the tasks ['fly']"),
        ({"pipelines": pipelines("panoptic", "panoptic")}, "has the tasks ['panoptic', 'panoptic']"),
        ({"pipelines": pipelines("prompt")}, "has classes for the tasks ['prompt']"),
        ({"pipelines": pipelines("panoptic", "prompt")}, "says nothing of the prompts that are taken"),
        (
            {"pipelines": pipelines("panoptic", "prompt"), "prompts": PROMPT_SPEC},
            "task 'prompt' take ['image']",
        ),
        ({"prompts": PROMPT_SPEC}, "says something of the prompts that are taken, for the tasks"),
        ({"labels": None}, "has no classes for the tasks ['panoptic']"),
        ({"postprocess": None}, "has no thresholds for the tasks ['panoptic']"),
        (
            {"pipelines": pipelines("panoptic", graphs=("encoder",))},
            "has the graph 'panoptic', which",
        ),
        (
            {"pipelines": pipelines("panoptic", graphs=("encoder", "panoptic", "none"))},
            "has no graph 'none', which the",
        ),
        (
            {"pipelines": pipelines("panoptic", graphs=("panoptic", "encoder"))},
            "those before it in 'panoptic' make it []",
        ),
        (
            {"pipelines": pipelines("panoptic", graphs=("encoder",) * 100_000 + ("panoptic",))},
            "lets the task 'panoptic' run a graph twice",
        ),
    ],
)
def test_what_contradicts_the_graphs_is_refused(changes, says, bundle):
    message = sealed_again(bundle, msgspec.structs.replace(read_manifest(bundle), **changes))
    assert says in message
    assert len(message) < 1000


@pytest.mark.parametrize("changes", [{"name": "n" * 201}, {"category_id": 1 << 62}, {"category_id": -1}])
def test_classes_that_no_picture_can_show_are_refused(changes, bundle):
    assert "has the class" in sealed_again(bundle, with_labels(read_manifest(bundle), **changes))


@pytest.mark.parametrize(
    ("graph", "tensor", "changes", "says"),
    [
        (
            "encoder",
            "features",
            {"shape": (1, 2, 8, 8)},
            "those before it in 'panoptic' make it [1, 2",
        ),
        ("encoder", "features", {"name": "other"}, "those before it in 'panoptic' make it []"),
        ("encoder", "image", {"role": "flow"}, "those before it in 'panoptic' make it []"),
        ("encoder", "image", {"role": "boxes"}, "'panoptic' take ['boxes']; expected the image alone"),
        ("panoptic", "class_logits", {"shape": (1, 6, 41)}, "gives 'mask_logits' of graph 'panoptic'"),
        (
            "panoptic",
            "class_logits",
            {"role": "flow"},
            "return 0 tensors of the role 'class_logits'",
        ),
        ("panoptic", "queries", {"role": "mask_logits"}, "return 2 tensors of the role 'mask_logits'"),
        ("panoptic", "mask_logits", {"shape": (1, 5, 16, 16)}, "gives 'mask_logits' of graph 'panoptic'"),
        ("panoptic", "mask_logits", {"shape": (1, 5, 64, 128)}, "gives 'mask_logits' of graph 'panoptic'"),
        ("panoptic", "queries", {"shape": (1, 4, 6)}, "gives 'queries' of graph 'panoptic'"),
    ],
)
def test_a_tensor_that_contradicts_the_others_is_refused(graph, tensor, changes, says, bundle):
    manifest = read_manifest(bundle)
    graphs = tuple(
        msgspec.structs.replace(
            entry,
            contract=msgspec.structs.replace(
                entry.contract,
                inputs=changed(entry.contract.inputs, tensor, changes, entry.contract.graph == graph),
                outputs=changed(entry.contract.outputs, tensor, changes, entry.contract.graph == graph),
            ),
        )
        for entry in manifest.graphs
    )
    assert says in sealed_again(bundle, msgspec.structs.replace(manifest, graphs=graphs))


def test_graphs_in_an_order_in_which_they_cannot_run_are_refused(bundle):
    manifest = read_manifest(bundle)
    message = sealed_again(bundle, msgspec.structs.replace(manifest, graphs=manifest.graphs[::-1]))
    assert "those before it in 'all tasks' make it []" in message


def test_a_graph_for_images_of_another_size_is_refused(bundle):
    manifest = read_manifest(bundle)
    encoder, panoptic = manifest.graphs
    contract = msgspec.structs.replace(panoptic.contract, image_size=(64, 64))
    graphs = (encoder, msgspec.structs.replace(panoptic, contract=contract))
    message = sealed_again(bundle, msgspec.structs.replace(manifest, graphs=graphs))
    assert "gives the graph 'panoptic' images of [64, 64]; its size is [32, 64]" in message


def changed(specs, name, changes, wanted):
    return tuple(
        msgspec.structs.replace(spec, **changes) if wanted and spec.name == name else spec for spec in specs
    )


def test_more_masks_than_any_network_gives_are_refused(bundle):
    manifest = read_manifest(bundle)
    encoder, panoptic = manifest.graphs
    outputs = tuple(
        msgspec.structs.replace(spec, shape=(1, 5000, *spec.shape[2:])) for spec in panoptic.contract.outputs
    )
    contract = msgspec.structs.replace(panoptic.contract, outputs=outputs)
    graphs = (encoder, msgspec.structs.replace(panoptic, contract=contract))
    message = sealed_again(bundle, msgspec.structs.replace(manifest, graphs=graphs))
    assert "5,000 masks per pass; expected at most 1000" in message
