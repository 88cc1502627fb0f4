"""Does what a manifest says fit together: graphs and tasks, sizes, classes and the shapes of all tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.errors import BundleError, unknown_name
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import RECIPES

if TYPE_CHECKING:
    from rapsam.contract import GraphContract
    from rapsam.export.bundle.manifest import Manifest

MASK_STRIDE = 4
MAX_PROMPTS = 64
MAX_QUERIES = 1000
MAX_CLASSES = 10_000
MAX_LABEL = 200
MAX_CATEGORY_ID = (1 << 31) - 1
_AGAIN = "export it again"
_SHOWN = 80
_OBJECTS = ("class_logits", "mask_logits", "queries")
_BORDERS = {
    "encoder": (("image",), ("features",)),
    "panoptic": (("features",), _OBJECTS),
    "prompt": (("features", "boxes"), ("mask_logits", "iou")),
    "panoptic_image": (("image",), _OBJECTS),
}
"""Names of the inputs and outputs of each graph; docs/formats.md says which tasks need which graphs."""


def fit_problems(manifest: Manifest) -> Iterator[str]:
    """Says where the parts of a manifest contradict each other, one line each.

    An app, and `predict`, take shapes from one part and tensors from another: they must not find out.

    Args:
        manifest: Decoded, each part checked by itself.
    """
    if manifest.recipe not in RECIPES:
        yield f"has an {unknown_name('recipe', manifest.recipe[:_SHOWN], RECIPES)}; {_AGAIN}"
    yield from _label_problems(manifest)
    yield from _task_problems(manifest)
    features = [
        spec.shape
        for entry in manifest.graphs
        for spec in (*entry.contract.inputs, *entry.contract.outputs)
        if spec.name == "features"
    ]
    if len(set(features)) > 1:
        yield f"gives the features the shapes {[list(shape) for shape in features][:4]}; {_AGAIN}"
    for entry in manifest.graphs:
        yield from _contract_problems(entry.contract, manifest)


def check_format(folder: Path, manifest: Manifest) -> None:
    """Tells before graphs are loaded whether they are files of the format that the recipe makes.

    Raises:
        BundleError: If one is not: a seal says nothing of that.
    """
    suffix = find_backend(RECIPES[manifest.recipe].backend).suffix
    for entry in manifest.graphs:
        if not entry.path.endswith(suffix):
            raise BundleError(
                f"{folder / entry.path} is no {suffix}, which the recipe {manifest.recipe} makes; {_AGAIN}"
            )


def _label_problems(manifest: Manifest) -> Iterator[str]:
    labels = manifest.labels.labels
    if len(labels) > MAX_CLASSES:
        yield f"has {len(labels):,} classes; expected at most {MAX_CLASSES:,}: {_AGAIN}"
    for label in labels:
        if len(label.name) > MAX_LABEL or not 0 <= label.category_id <= MAX_CATEGORY_ID:
            yield f"has the class {label.name[:40]!r} with a name too long or an id out of range; {_AGAIN}"
            return


def _task_problems(manifest: Manifest) -> Iterator[str]:
    names = {entry.contract.graph for entry in manifest.graphs}
    if unknown := sorted(names - _BORDERS.keys()):
        yield f"has the unknown graph {unknown[0][:80]!r}; {_AGAIN}"
    able = {"prompt"} if {"encoder", "prompt"} <= names else set()
    if "panoptic_image" in names or {"encoder", "panoptic"} <= names:
        able |= {"panoptic", "video"}
    if not manifest.tasks or not set(manifest.tasks) <= able:
        shown = [task[:20] for task in manifest.tasks[:4]]
        yield f"has the tasks {shown} for the graphs {sorted(names)[:4]}; {_AGAIN}"


def _contract_problems(contract: GraphContract, manifest: Manifest) -> Iterator[str]:
    expected = _BORDERS.get(contract.graph)
    if expected is None:
        return
    inputs, outputs = (tuple(spec.name for spec in specs) for specs in (contract.inputs, contract.outputs))
    if (sorted(inputs), sorted(outputs)) != (sorted(expected[0]), sorted(expected[1])):
        names = ", ".join((*expected[0], *expected[1]))
        yield f"gives the graph {contract.graph!r} other tensors than {names}; {_AGAIN}"
        return
    shapes = {spec.name: spec.shape for spec in (*contract.inputs, *contract.outputs)}
    for name, shape in _expected_shapes(contract.graph, shapes, manifest).items():
        if shapes[name] != shape:
            yield (
                f"gives {name!r} of graph {contract.graph!r} the shape {list(shapes[name])}; "
                f"its size, classes and other tensors make it {list(shape)}: {_AGAIN}"
            )
    count = 0 if contract.graph == "encoder" else _count(contract.graph, shapes)
    limit = MAX_PROMPTS if contract.graph == "prompt" else MAX_QUERIES
    if count > limit:
        yield f"gives graph {contract.graph!r} {count:,} masks per pass; expected at most {limit}: {_AGAIN}"


def _count(graph: str, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Masks per pass, as the first tensor has it that counts them."""
    return shapes["boxes" if graph == "prompt" else "class_logits"][1]


def _expected_shapes(
    graph: str, shapes: Mapping[str, tuple[int, ...]], manifest: Manifest
) -> dict[str, tuple[int, ...]]:
    height, width = manifest.preprocess.size
    expected: dict[str, tuple[int, ...]] = {}
    if "image" in shapes:
        expected["image"] = (1, 3, height, width)
    if graph == "encoder":
        return expected
    count = _count(graph, shapes)
    expected["mask_logits"] = (1, count, height // MASK_STRIDE, width // MASK_STRIDE)
    if graph == "prompt":
        return expected | {"boxes": (1, count, 4), "iou": (1, count)}
    classes = len(manifest.labels.labels) + 1
    return expected | {"class_logits": (1, count, classes), "queries": (1, count, shapes["queries"][-1])}
