"""All regions of an image, by asking about every point of a grid; see `rapsam.tasks.everything`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rapsam.errors import InputError, MemoryLimitError
from rapsam.tasks.arrays import Pixels
from rapsam.tasks.everything import (
    EverythingSpec,
    PixelBox,
    Region,
    crop_boxes,
    good_regions,
    point_passes,
    without_coarser,
    without_copies,
)
from rapsam.tasks.prompt_encoding import encode_prompts
from rapsam.tasks.prompt_set import PromptSet, PromptSpec

if TYPE_CHECKING:
    from rapsam.inference.segmenter import Segmenter

MAX_BYTES = 1 << 30
"""Of the masks of one crop that are good enough, before copies are left out."""
Progress = Callable[[int, int], None]


def check_everything(spec: PromptSpec, name: str) -> None:
    """Raises `InputError` unless a model, which is called so, can be asked about single points."""
    if not spec.max_points:
        raise InputError(
            f"everything is found by points, and {name} takes only {spec.described()}; take another model"
        )


def find_everything(
    segmenter: Segmenter, image: Pixels, spec: EverythingSpec, progress: Progress | None = None
) -> list[Region]:
    """Finds all regions of an image.

    Args:
        segmenter: The network.
        image: (h0, w0, 3) uint8 RGB.
        spec: How.
        progress: Told how many crops are done, and all.

    Returns:
        Regions in falling order of predicted IoU.

    Raises:
        InputError: If the network takes no points.
        MemoryLimitError: If far too many masks are good enough.
    """
    check_everything(segmenter.prompt_spec(), segmenter.name)
    size = (image.shape[0], image.shape[1])
    crops = crop_boxes(size, spec)
    found: list[Region] = []
    for number, crop in enumerate(crops, start=1):
        found += without_copies(_of_crop(segmenter, image, crop, spec), spec)
        if progress is not None:
            progress(number, len(crops))
    if len(crops) > 1:
        found = without_coarser(found, spec)
    return sorted(found, key=lambda region: -region.predicted_iou)


def _of_crop(segmenter: Segmenter, image: Pixels, crop: PixelBox, spec: EverythingSpec) -> list[Region]:
    x1, y1, x2, y2 = crop
    known = segmenter.embed(image[y1:y2, x1:x2])
    takes = segmenter.prompt_spec()
    offered = list(takes.offered)
    found: list[Region] = []
    for points in point_passes((y2 - y1, x2 - x1), spec):
        logits = known.embedded.answer(encode_prompts(PromptSet.of(points), takes, known.geometry))
        found += good_regions(
            logits.mask_logits[:, offered],
            logits.iou[:, offered],
            points,
            known.geometry,
            crop,
            (image.shape[0], image.shape[1]),
            spec,
        )
        if sum(region.mask.nbytes for region in found) > MAX_BYTES:
            raise MemoryLimitError(
                f"{len(found):,} masks are good enough, which is more than memory should hold; raise the "
                "predicted IoU or the stability that they need, or ask about fewer points"
            )
    return found
