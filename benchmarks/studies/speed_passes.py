"""What one pass of every contender is. Each imports only what it runs, so that its memory is its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from rapsam.benchmarks.studies.speed_lowering import WEIGHTS, artifact_path, read_contract
from rapsam.benchmarks.studies.speed_records import (
    COMPILED,
    FUSE_CROWD,
    FUSE_SCENE,
    IMAGE,
    LETTERBOX,
    LOWERED,
    PROMPT_MASKS,
    PUBLISHED,
    REWRITTEN,
    SGEMM,
    Subject,
)
from rapsam.export.backends.catalogue import RUNTIMES
from rapsam.export.parity.sample_images import draw_scene
from rapsam.inference.runner import Arrays
from rapsam.tasks.arrays import Floats
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.labels import find_label_set
from rapsam.tasks.logits import softmax
from rapsam.tasks.panoptic import PanopticResult, panoptic_segmentation
from rapsam.tasks.postprocess import LENIENT
from rapsam.tasks.preprocess import letterbox
from rapsam.tasks.prompt import interactive_masks

# Large enough that starting the threads costs nothing, small enough for a tenth of a second.
SGEMM_SIDE = 2048
PHOTO_SIZE = (960, 1280)
_STRIDE = 4
_CROWD = 20
_QUERIES = 100
# Of the logits of a crowd.
_SURE = 10.0
_SLOPE = 0.5
_LARGEST = 12.0
_NOISE = 0.3


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a process of `speed_contender` runs.

    Attributes:
        subject: Contender and graph.
        model: Variant.
        size: Image height and width.
        threads: CPU threads.
        folder: Where `speed_lowering` left its artifacts.
    """

    subject: Subject
    model: str
    size: tuple[int, int]
    threads: int
    folder: str


class Pass(NamedTuple):
    """One pass of a contender.

    Attributes:
        run: Does it.
        macs: Multiply-adds, where they are counted here.
        note: What the reader must know of its input.
    """

    run: Callable[[], object]
    macs: int | None = None
    note: str = ""


def make_pass(job: Job) -> Pass:
    """Prepares a pass; whatever the packages raise goes through."""
    return _MAKERS[job.subject.contender](job)


def crowd(
    num_objects: int, num_queries: int, num_classes: int, shape: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Makes logits in which objects share out the whole picture.

    Every pixel belongs to the object with the nearest centre. Its logit falls by half a unit per pixel of the
    mask to 0 at the border, with noise, as soft as masks of a network. All other queries are void.

    Args:
        num_objects: Queries that are sure of a class, at least 2.
        num_queries: All queries, at least as many.
        num_classes: Classes without void.
        shape: Height and width of the mask logits.

    Returns:
        Class logits (num_queries, num_classes + 1) and mask logits (num_queries, h, w), float32.
    """
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(num_queries, num_objects, replace=False))
    class_logits = np.zeros((num_queries, num_classes + 1), np.float32)
    class_logits[:, num_classes] = _SURE
    class_logits[chosen, num_classes] = 0
    class_logits[chosen, rng.integers(num_classes, size=num_objects)] = _SURE
    y, x = np.mgrid[: shape[0], : shape[1]]
    centres = rng.uniform((0, 0), shape, (num_queries, 2))
    distances = np.stack([np.hypot(y - centre_y, x - centre_x) for centre_y, centre_x in centres])
    mask_logits = -distances
    for query in chosen:
        others = distances[chosen[chosen != query]].min(axis=0)
        mask_logits[query] = others - distances[query]
    mask_logits = np.clip(mask_logits * _SLOPE, -_LARGEST, _LARGEST)
    mask_logits += rng.normal(0, _NOISE, mask_logits.shape)
    return class_logits, mask_logits.astype(np.float32)


def _eager(job: Job) -> Pass:
    import torch

    from rapsam.graph.capture import capture, example_tensors
    from rapsam.graph.macs import count_macs
    from rapsam.models.build import build_model, deployment_of

    torch.set_num_threads(job.threads)
    deployment = deployment_of(build_model(job.model, checkpoint=WEIGHTS))
    published = job.subject.contender == PUBLISHED
    what = job.subject.graph, job.size, job.subject.num_prompts
    # PyTorch, too, has a sampler that is quicker than gathers.
    module, contract = (
        deployment.published_graph(*what) if published else deployment.build_graph(*what, "grid")
    )
    macs = count_macs(module, contract)
    # The rewritten network is what all backends lower: the captured graph.
    forward: Callable[..., object] = module.eval() if published else capture(module, contract).module()
    if job.subject.contender == COMPILED:
        forward = torch.compile(forward, dynamic=False)
    inputs = example_tensors(contract)
    return Pass(torch.no_grad()(functools.partial(forward, *inputs)), macs)


def _lowered(job: Job) -> Pass:
    target, graph, count = job.subject.contender, job.subject.graph, job.subject.num_prompts
    contract = read_contract(Path(job.folder), graph, count)
    path = artifact_path(Path(job.folder), graph, count, target)
    runner = RUNTIMES[target][0].load(path, contract, job.threads)
    return Pass(functools.partial(runner.run, contract.example_inputs()))


def _sgemm(job: Job) -> Pass:
    import torch

    torch.set_num_threads(job.threads)
    left, right = torch.rand(2, SGEMM_SIDE, SGEMM_SIDE)
    result = torch.empty(SGEMM_SIDE, SGEMM_SIDE)
    return Pass(functools.partial(torch.mm, left, right, out=result), SGEMM_SIDE**3)


def _letterbox(job: Job) -> Pass:
    return Pass(functools.partial(letterbox, draw_scene(1, PHOTO_SIZE), job.size))


def _fuse_scene(job: Job) -> Pass:
    outputs = _outputs_on_scene(job)
    class_logits, mask_logits = outputs["class_logits"][0], outputs["mask_logits"][0]
    thresholds = LENIENT.score_threshold, LENIENT.overlap_threshold
    return _fusing(job, class_logits, mask_logits, *thresholds)


def _fuse_crowd(job: Job) -> Pass:
    # Needs PyTorch, which the parents of measured processes must not load.
    from rapsam.models.rapsam.deployment import PUBLISHED_THRESHOLDS

    num_classes = len(find_label_set("coco_panoptic").labels)
    shape = (job.size[0] // _STRIDE, job.size[1] // _STRIDE)
    class_logits, mask_logits = crowd(_CROWD, _QUERIES, num_classes, shape)
    thresholds = PUBLISHED_THRESHOLDS.score_threshold, PUBLISHED_THRESHOLDS.overlap_threshold
    return _fusing(job, class_logits, mask_logits, *thresholds)


def _prompt_masks(job: Job) -> Pass:
    shape = (job.size[0] // _STRIDE, job.size[1] // _STRIDE)
    _, mask_logits = crowd(_CROWD, _QUERIES, 1, shape)
    return Pass(functools.partial(interactive_masks, mask_logits[:1], _whole_frame(job)))


def _fusing(job: Job, class_logits: Floats, mask_logits: Floats, score: float, overlap: float) -> Pass:
    num_things = find_label_set("coco_panoptic").num_things

    def run() -> PanopticResult:
        return panoptic_segmentation(
            class_logits,
            mask_logits,
            _whole_frame(job),
            num_things,
            score_threshold=score,
            overlap_threshold=overlap,
        )

    probabilities = softmax(class_logits)
    kept = int((probabilities[:, :-1].max(axis=1) > score).sum())
    return Pass(run, note=f"{kept} queries above the threshold, {len(run().segments)} segments")


def _outputs_on_scene(job: Job) -> Arrays:
    contract = read_contract(Path(job.folder), IMAGE, 1)
    path = artifact_path(Path(job.folder), IMAGE, 1, "onnx")
    runner = RUNTIMES["onnx"][0].load(path, contract, job.threads)
    return runner.run({"image": letterbox(draw_scene(1, job.size), job.size).pixels})


def _whole_frame(job: Job) -> ImageGeometry:
    return ImageGeometry(padded_size=job.size, content_size=job.size, original_size=job.size)


_MAKERS: dict[str, Callable[[Job], Pass]] = {
    PUBLISHED: _eager,
    REWRITTEN: _eager,
    COMPILED: _eager,
    **dict.fromkeys(LOWERED, _lowered),
    SGEMM: _sgemm,
    LETTERBOX: _letterbox,
    FUSE_SCENE: _fuse_scene,
    FUSE_CROWD: _fuse_crowd,
    PROMPT_MASKS: _prompt_masks,
}
