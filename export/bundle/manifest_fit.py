"""Does what a manifest says fit together: graphs and tasks, sizes, classes and the shapes of all tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rapsam.contract import (
    MAX_PROMPTS,
    PROMPT_ROLES,
    TASKS,
    GraphContract,
    Pipeline,
    Role,
    TensorSpec,
    graphs_of,
    tasks_find_objects,
    tasks_take_prompts,
)
from rapsam.errors import BundleError, unknown_name
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.bundle.manifest import Manifest
from rapsam.tasks.prompt_set import PromptSpec

MAX_QUERIES = 1000
MAX_CLASSES = 10_000
MAX_LABEL = 200
MAX_CATEGORY_ID = (1 << 31) - 1
_AGAIN = "export it again"
_SHOWN = 80
_COLOURS = 3


def fit_problems(manifest: Manifest) -> Iterator[str]:
    """Says where the parts of a manifest contradict each other, one line each.

    An app, and `predict`, take shapes from one part and tensors from another: they must not find out.

    Args:
        manifest: Decoded, each part checked by itself.
    """
    if manifest.recipe not in RECIPES:
        yield f"has an {unknown_name('recipe', manifest.recipe[:_SHOWN], RECIPES)}; {_AGAIN}"
    yield from _recipe_problems(manifest)
    yield from _label_problems(manifest)
    yield from _part_problems(manifest)
    for contract in manifest.contracts:
        yield from _size_problems(contract, manifest)
    contracts = {contract.graph: contract for contract in manifest.contracts}
    if unused := sorted(contracts.keys() - set(graphs_of(manifest.pipelines))):
        yield f"has the graph {unused[0][:_SHOWN]!r}, which is part of no task; {_AGAIN}"
    for pipeline in manifest.pipelines:
        yield from _pipeline_problems(pipeline, contracts, manifest)
    # Parity and the self-test run them all, one after another.
    yield from _flow_problems("all tasks", manifest.contracts)


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


def _recipe_problems(manifest: Manifest) -> Iterator[str]:
    """Graphs may have another precision than the bundle, in the same format."""
    backends = {name: recipe.backend for name, recipe in RECIPES.items()}
    for entry in manifest.graphs:
        if backends.get(entry.recipe) is None or backends[entry.recipe] != backends.get(manifest.recipe):
            yield (
                f"has a graph by the recipe {entry.recipe[:_SHOWN]!r} in a bundle by "
                f"{manifest.recipe[:_SHOWN]!r}; {_AGAIN}"
            )
            return


def _label_problems(manifest: Manifest) -> Iterator[str]:
    labels = manifest.labels.labels if manifest.labels else ()
    if len(labels) > MAX_CLASSES:
        yield f"has {len(labels):,} classes; expected at most {MAX_CLASSES:,}: {_AGAIN}"
    for label in labels:
        if len(label.name) > MAX_LABEL or not 0 <= label.category_id <= MAX_CATEGORY_ID:
            yield f"has the class {label.name[:40]!r} with a name too long or an id out of range; {_AGAIN}"
            return


def _part_problems(manifest: Manifest) -> Iterator[str]:
    """Compares the tasks with the parts of a manifest that some tasks need."""
    tasks = manifest.tasks
    if not tasks or len(set(tasks)) < len(tasks) or not set(tasks) <= TASKS.keys():
        yield f"has the tasks {[task[:20] for task in tasks[:4]]}; expected some of {list(TASKS)}: {_AGAIN}"
        return
    finds = tasks_find_objects(tasks)
    for name, part in (("classes", manifest.labels), ("thresholds", manifest.postprocess)):
        if (part is not None) != finds:
            yield f"has {'no ' if finds else ''}{name} for the tasks {list(tasks)}; {_AGAIN}"
    if (manifest.prompts is not None) != tasks_take_prompts(tasks):
        has = "nothing" if manifest.prompts is None else "something"
        yield f"says {has} of the prompts that are taken, for the tasks {list(tasks)}; {_AGAIN}"


def _pipeline_problems(
    pipeline: Pipeline, contracts: Mapping[str, GraphContract], manifest: Manifest
) -> Iterator[str]:
    """Goes through the graphs of a task as `rapsam.inference.chain` does."""
    if len(set(pipeline.graphs)) < len(pipeline.graphs):
        yield f"lets the task {pipeline.task!r} run a graph twice; {_AGAIN}"
        return
    for graph in pipeline.graphs:
        if graph not in contracts:
            yield f"has no graph {graph[:_SHOWN]!r}, which the task {pipeline.task!r} needs; {_AGAIN}"
            return
    chain = [contracts[graph] for graph in pipeline.graphs]
    yield from _flow_problems(pipeline.task, chain)
    if pipeline.task in TASKS:
        yield from _role_problems(pipeline.task, chain, manifest.prompts)
        yield from _shape_problems(pipeline.task, chain, manifest)


def _flow_problems(task: str, chain: Sequence[GraphContract]) -> Iterator[str]:
    """Compares what a graph takes of the graphs before it with what they return."""
    flowing: dict[str, tuple[int, ...]] = {}
    for contract in chain:
        for spec in contract.inputs:
            if spec.role == "flow" and flowing.get(spec.name) != spec.shape:
                yield (
                    f"gives {spec.name!r} of graph {contract.graph!r} the shape {list(spec.shape)}; those "
                    f"before it in {task!r} make it {list(flowing.get(spec.name, ()))}: {_AGAIN}"
                )
        for spec in contract.outputs:
            if spec.role == "flow" and spec.name in flowing:
                yield f"lets two graphs return {spec.name!r} to those behind them; {_AGAIN}"
            elif spec.role == "flow":
                flowing[spec.name] = spec.shape


def _role_problems(task: str, chain: Sequence[GraphContract], prompts: PromptSpec | None) -> Iterator[str]:
    """Compares what the graphs of a task take from outside and return with what the task needs."""
    taken = {spec.role for contract in chain for spec in contract.inputs} - {"flow"}
    roles = prompts.roles if prompts and TASKS[task].prompted else ()
    if taken != {"image", *roles} or bool(roles) != TASKS[task].prompted:
        wanted = (
            f"the image and {', '.join(roles) or 'prompts'}" if TASKS[task].prompted else "the image alone"
        )
        yield f"lets the task {task!r} take {sorted(taken)}; expected {wanted}: {_AGAIN}"
    returned: list[Role] = [
        spec.role for contract in chain for spec in contract.outputs if spec.role != "flow"
    ]
    for role in dict.fromkeys((*TASKS[task].outputs, *returned)):
        if returned.count(role) != 1:
            count = returned.count(role)
            yield f"lets the task {task!r} return {count} tensors of the role {role!r}, not one; {_AGAIN}"


def _size_problems(contract: GraphContract, manifest: Manifest) -> Iterator[str]:
    if contract.image_size not in (None, manifest.preprocess.size):
        yield (
            f"gives the graph {contract.graph!r} images of {list(contract.image_size or ())}; its size is "
            f"{list(manifest.preprocess.size)}: {_AGAIN}"
        )


def _shape_problems(task: str, chain: Sequence[GraphContract], manifest: Manifest) -> Iterator[str]:
    """Compares the tensors of a task, by their roles, with each other, the size and the classes."""
    tensors = [
        (contract.graph, spec)
        for contract in chain
        for spec in (*contract.inputs, *contract.outputs)
        if spec.role != "flow"
    ]
    shapes = {spec.role: spec.shape for _, spec in reversed(tensors)}
    for graph, spec in tensors:
        expected = _expected_shape(spec, shapes, manifest)
        if spec.shape != expected:
            yield (
                f"gives {spec.name!r} of graph {graph!r} the shape {list(spec.shape)}; "
                f"its size, classes and other tensors make it {list(expected)}: {_AGAIN}"
            )
    prompts = max((shapes[role][1] for role in PROMPT_ROLES if role in shapes), default=0)
    queries = shapes.get("class_logits", (1, 0))[1]
    for count, limit in ((prompts, MAX_PROMPTS), (queries, MAX_QUERIES)):
        if count > limit:
            yield f"lets the task {task!r} have {count:,} masks per pass; expected at most {limit}: {_AGAIN}"


def _expected_shape(
    spec: TensorSpec, shapes: Mapping[Role, tuple[int, ...]], manifest: Manifest
) -> tuple[int, ...]:
    """Returns the shape that a tensor must have beside the others; what is free is as it is."""
    height, width = manifest.preprocess.size
    # The masks, and all that is said of each, are as many as the first tensor says that counts them.
    counting: tuple[Role, ...] = ("boxes", "points", "class_logits", "iou")
    count = next((shapes[role][1] for role in counting if role in shapes), spec.shape[1])
    candidates = manifest.prompts.candidates if manifest.prompts and "iou" in shapes else 1
    slots = manifest.prompts.slots if manifest.prompts else 0
    mask_stride = (manifest.prompts.mask_stride if manifest.prompts else None) or 1
    several = (candidates,) if candidates > 1 else ()
    stride = max(1, width // spec.shape[-1])
    free = (1, count, spec.shape[-1])
    return {
        "image": (1, _COLOURS, height, width),
        "boxes": (1, count, 4),
        "points": (1, count, slots, 2),
        "point_labels": (1, count, slots),
        "mask_prompt": (1, count, 1, height // mask_stride, width // mask_stride),
        "has_mask_prompt": (1, count),
        "iou": (1, count, *several),
        "mask_logits": (1, count, *several, height // stride, width // stride),
        "class_logits": (1, count, len(manifest.labels.labels) + 1 if manifest.labels else 0),
    }.get(spec.role, free)
