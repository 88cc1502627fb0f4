"""Results of prompts as JSON records with COCO run lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from rapsam.data.coco import as_xywh
from rapsam.data.coco_records import Box, Rle
from rapsam.data.rle import encode_mask
from rapsam.errors import InputError
from rapsam.tasks.arrays import Masks
from rapsam.tasks.instances import tight_box
from rapsam.tasks.prompt_set import Prompt, PromptSet


class MaskRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A mask; `bbox` is x, y, width, height in pixels and `area` counts pixels."""

    bbox: Box
    area: int
    segmentation: Rle


class CandidateRecord(MaskRecord, frozen=True, kw_only=True):
    """One of several masks that a prompt may mean.

    Attributes:
        candidate: Its number in the network's answer.
        predicted_iou: What the network thinks of it, raw.
        stability: How little it changes when its threshold moves, 0..1.
    """

    candidate: int
    predicted_iou: float
    stability: float


class PointRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A point of a prompt in pixels, in the region (positive) or beside it."""

    x: float
    y: float
    positive: bool


class PromptRecord(MaskRecord, frozen=True, kw_only=True, omit_defaults=True):
    """A prompt and its mask.

    Attributes:
        kind: "point" for one positive point, "box" for a box, "object" for anything else.
        coordinates: x, y or x1, y1, x2, y2 in pixels; absent for an object.
        points: Of an object.
        box: Of an object, x1, y1, x2, y2.
        mask: Whether mask logits were part of it.
        predicted_iou: What the network thinks of its mask, raw.
        candidates: All masks that it may mean, where they were asked for.
    """

    kind: Literal["point", "box", "object"]
    coordinates: tuple[float, ...] | None = None
    points: tuple[PointRecord, ...] = ()
    box: tuple[float, ...] | None = None
    mask: bool = False
    predicted_iou: float | None = None
    candidates: tuple[CandidateRecord, ...] = ()


class PromptsFile(msgspec.Struct, frozen=True, kw_only=True):
    """Masks of the prompts on one image, in the order of the prompts."""

    file_name: str
    height: int
    width: int
    prompts: tuple[PromptRecord, ...]


def prompt_records(
    prompts: PromptSet,
    masks: Masks,
    predicted_iou: Sequence[float],
    candidates: Sequence[Sequence[CandidateRecord]] = (),
) -> tuple[PromptRecord, ...]:
    """Makes the records of prompts.

    Args:
        prompts: K of them.
        masks: (K, h0, w0) bool.
        predicted_iou: K numbers.
        candidates: Of each prompt, or none at all.

    Raises:
        InputError: If there are not as many masks as prompts.
    """
    if len(masks) != len(prompts.prompts):
        raise InputError(f"{len(masks)} masks for {len(prompts.prompts)} prompts; expected as many")
    several = candidates or ((),) * len(masks)
    rows = zip(prompts.prompts, masks, predicted_iou, several, strict=True)
    return tuple(
        PromptRecord(
            **_described(prompt), **mask_fields(mask), predicted_iou=float(iou), candidates=tuple(others)
        )
        for prompt, mask, iou, others in rows
    )


def candidate_records(
    masks: Masks, predicted_iou: Sequence[float], stability: Sequence[float], offered: Sequence[int]
) -> tuple[CandidateRecord, ...]:
    """Makes the records of the masks that a prompt may mean.

    Args:
        masks: (M, h0, w0) bool, all candidates.
        predicted_iou: M numbers.
        stability: M numbers.
        offered: Those that are recorded, in this order.
    """
    return tuple(
        CandidateRecord(
            **mask_fields(masks[place]),
            candidate=place,
            predicted_iou=float(predicted_iou[place]),
            stability=float(stability[place]),
        )
        for place in offered
    )


def mask_fields(mask: Masks) -> dict[str, Any]:
    """Returns the fields of a `MaskRecord` of an (h, w) bool mask."""
    return {
        "bbox": as_xywh(tight_box(mask).tolist()),
        "area": int(np.count_nonzero(mask)),
        "segmentation": encode_mask(mask),
    }


def _described(prompt: Prompt) -> dict[str, Any]:
    only_points = prompt.box is None and prompt.mask is None
    if only_points and len(prompt.points) == 1 and prompt.positive[0]:
        return {"kind": "point", "coordinates": tuple(map(float, prompt.points[0]))}
    if prompt.box is not None and not prompt.points and prompt.mask is None:
        return {"kind": "box", "coordinates": tuple(map(float, prompt.box))}
    pairs = zip(prompt.points, prompt.positive, strict=True)
    return {
        "kind": "object",
        "points": tuple(PointRecord(x=x, y=y, positive=bool(positive)) for (x, y), positive in pairs),
        "box": None if prompt.box is None else tuple(map(float, prompt.box)),
        "mask": prompt.mask is not None,
    }
