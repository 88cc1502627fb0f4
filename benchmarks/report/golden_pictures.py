"""The results of a bundle beside those of its reference, on the images that it carries for its self-test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from rapsam.benchmarks.report.picture_drawing import Drawn, draw_masks, draw_segments
from rapsam.benchmarks.report.sampled_masks import whole_masks
from rapsam.contract import Pipeline, Role, tasks_find_objects, tasks_take_prompts
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.bundle.golden import INDEX, MAX_INDEX_BYTES, GoldenCase, GoldenIndex, GoldenTensor
from rapsam.export.bundle.load import Bundle, segmenter_of_graphs
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.private_copy import load_graphs
from rapsam.export.parity.self_test import golden_outputs, read_golden
from rapsam.inference.network import PromptLogits
from rapsam.inference.runner import Runner
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.logits import softmax
from rapsam.tasks.tracker import Clip
from rapsam.untrusted import read_limited


class GoldenPicture(NamedTuple):
    """One task on one image, from the reference's outputs and from the bundle's.

    Attributes:
        task: What was done.
        case: Name of the image.
        drawn: The result of the reference, of the bundle, and what differs.
        step: Every how many-th mask logit the bundle stores; on both sides the others lie between these.
    """

    task: str
    case: str
    drawn: Drawn
    step: int


class GoldenPictures(NamedTuple):
    """All pictures of a bundle.

    Attributes:
        pictures: The one in which most differs comes first.
        missing: Why there is no picture of a task on an image, a line each.
    """

    pictures: tuple[GoldenPicture, ...]
    missing: tuple[str, ...]


class _Tensor(NamedTuple):
    """An output of a case: as stored, and as the bundle gives it here, both with the same gaps."""

    stored: GoldenTensor
    reference: Floats
    exported: Floats


def golden_pictures(folder: Path, manifest: Manifest, runtime: Runtime) -> GoldenPictures:
    """Runs a verified bundle on its golden images and draws what comes of it.

    Args:
        folder: The bundle; its files have been verified.
        manifest: Its manifest.
        runtime: What runs it.

    Raises:
        BundleError: If a golden file cannot be read, or the runtime refuses a graph.
    """
    runners = load_graphs(runtime, folder, manifest)
    segmenter = segmenter_of_graphs(folder, manifest, runtime, runners)
    index = msgspec.json.decode(read_limited(folder / INDEX, MAX_INDEX_BYTES), type=GoldenIndex)
    made = [picture for case in index.cases for picture in _of_case(folder, segmenter, runners, case)]
    pictures = [picture for picture in made if isinstance(picture, GoldenPicture)]
    return GoldenPictures(
        pictures=tuple(sorted(pictures, key=lambda picture: -picture.drawn.differing)),
        missing=tuple(picture for picture in made if isinstance(picture, str)),
    )


def _of_case(
    folder: Path, segmenter: Bundle, runners: Mapping[str, Runner], case: GoldenCase
) -> Iterator[GoldenPicture | str]:
    manifest = segmenter.manifest
    if any(tensor.step != 1 for tensor in case.inputs):
        yield f"any task on {case.name}: its inputs are not stored whole"
        return
    roles = {spec.name: spec.role for contract in manifest.contracts for spec in contract.inputs}
    given = {roles[tensor.name]: read_golden(folder, tensor) for tensor in case.inputs}
    outputs, problem = golden_outputs(manifest.contracts, given, runners)
    stored = {(graph.graph, tensor.name): tensor for graph in case.graphs for tensor in graph.outputs}
    image = np.clip(given["image"][0].transpose(1, 2, 0), 0, 255).astype(np.uint8)
    for pipeline in _distinct(manifest.pipelines):
        found = {
            role: _Tensor(stored[place], read_golden(folder, stored[place]), _thinned(outputs, stored, place))
            for role, place in _places(manifest, pipeline).items()
            if place in stored and place in outputs
        }
        drawn = _drawn(segmenter, pipeline.task, image, found)
        if isinstance(drawn, str):
            yield f"{pipeline.task} on {case.name}: {problem or drawn}"
        else:
            yield GoldenPicture(pipeline.task, case.name, drawn, found["mask_logits"].stored.step)


def _distinct(pipelines: tuple[Pipeline, ...]) -> Iterator[Pipeline]:
    """Yields the tasks that differ for a single image: objects in a video's frames are found alike."""
    finding = [pipeline for pipeline in pipelines if tasks_find_objects((pipeline.task,))]
    yield from finding[:1]
    yield from (pipeline for pipeline in pipelines if tasks_take_prompts((pipeline.task,)))


def _places(manifest: Manifest, pipeline: Pipeline) -> dict[Role, tuple[str, str]]:
    """Returns which output of which graph plays which role; the last graph that has it counts."""
    return {
        spec.role: (contract.graph, spec.name)
        for contract in manifest.contracts
        if contract.graph in pipeline.graphs
        for spec in contract.outputs
    }


def _thinned(
    outputs: Mapping[tuple[str, str], Floats],
    stored: Mapping[tuple[str, str], GoldenTensor],
    place: tuple[str, str],
) -> Floats:
    return outputs[place].ravel()[:: stored[place].step]


def _drawn(segmenter: Bundle, task: str, image: Pixels, found: Mapping[Role, _Tensor]) -> Drawn | str:
    """Draws a task, or says why that cannot be done."""
    finds = tasks_find_objects((task,))
    needed: tuple[Role, ...] = ("class_logits", "mask_logits") if finds else ("iou", "mask_logits")
    if lacking := [role for role in needed if role not in found]:
        return f"there is no output of {' and '.join(lacking)}"
    if not all(np.isfinite(found[role].exported).all() for role in needed):
        return "not all values are finite"
    small, masks = found[needed[0]], found["mask_logits"]
    if small.stored.step != 1:
        return f"only every {small.stored.step}. value of {small.stored.name} is stored"
    geometry = ImageGeometry(
        padded_size=image.shape[:2], content_size=image.shape[:2], original_size=image.shape[:2]
    )
    if finds:
        return _drawn_objects(segmenter, image, geometry, small, masks)
    return _drawn_prompts(segmenter, image, geometry, small, masks)


def _drawn_objects(
    segmenter: Bundle, image: Pixels, geometry: ImageGeometry, classes: _Tensor, masks: _Tensor
) -> Drawn | str:
    finder = segmenter.object_finder()
    logits = [side.reshape(classes.stored.shape[1:]) for side in (classes.reference, classes.exported)]
    known = [softmax(side)[:, :-1].max(axis=1) > finder.postprocess.score_threshold for side in logits]
    whole = whole_masks(_sides(masks), masks.stored.shape, masks.stored.step, known[0] | known[1])
    if whole is None:
        return f"only every {masks.stored.step}. mask logit is stored"
    results = [
        segmenter.panoptic_of(Clip(side, np.zeros((len(side), 0), np.float32), mask[:, None]), geometry)
        for side, mask in zip(logits, whole, strict=True)
    ]
    return draw_segments(image, results[0], results[1], finder.labels)


def _drawn_prompts(
    segmenter: Bundle, image: Pixels, geometry: ImageGeometry, iou: _Tensor, masks: _Tensor
) -> Drawn | str:
    """Of each prompt the mask that its own side thinks best of."""
    prompts = iou.stored.shape[1]
    maps = (1, -1, *masks.stored.shape[-2:])
    count = int(np.prod(masks.stored.shape[1:-2]))
    shape = (1, count, *maps[2:])
    whole = whole_masks(_sides(masks), shape, masks.stored.step, np.ones(count, np.bool_))
    if whole is None:
        return f"only every {masks.stored.step}. mask logit is stored"
    chosen = [
        segmenter.masks_of(
            PromptLogits(mask.reshape(prompts, -1, *maps[2:]), side.reshape(prompts, -1)), geometry
        )
        for mask, side in zip(whole, (iou.reference, iou.exported), strict=True)
    ]
    return draw_masks(image, chosen[0].masks, chosen[1].masks)


def _sides(tensor: _Tensor) -> tuple[Floats, Floats]:
    return tensor.reference, tensor.exported
