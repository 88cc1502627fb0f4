"""From prompts in pixels of a photograph to the tensors that the graphs of a model get.

The encoding "points" has, for K prompts with N slots each:

* "points" (1, K, N, 2): x, y in pixels of the network's image, multiplied in float64. Nothing is added for
  the centre of a pixel: that is the network's affair.
* "point_labels" (1, K, N): 1 in the region, 0 beside it, 2 and 3 the corners of a box, -1 padding that the
  network knows as such, -2 an empty slot, of which the graph must see nothing.
* "mask_prompt" (1, K, 1, h, w) and "has_mask_prompt" (1, K): mask logits and 1; without, zeros and 0.

The slots hold the points, one padding if there are points and no box, as SAM has it, the corners of the box,
and then nothing.
"""

from __future__ import annotations

import numpy as np

from rapsam.contract import Role
from rapsam.errors import InputError
from rapsam.tasks.arrays import Floats
from rapsam.tasks.geometry import ImageGeometry, Size
from rapsam.tasks.prompt import check_box, check_point, normalised_boxes, prompt_boxes
from rapsam.tasks.prompt_set import Prompt, PromptSet, PromptSpec, check_prompts

BESIDE, INSIDE, TOP_LEFT, BOTTOM_RIGHT, PADDING, EMPTY = 0, 1, 2, 3, -1, -2
"""Labels of slots."""


def encode_prompts(prompts: PromptSet, spec: PromptSpec, geometry: ImageGeometry) -> dict[Role, Floats]:
    """Makes the tensors that the graphs of a model get.

    Args:
        prompts: In pixels of the original image.
        spec: What the model takes.
        geometry: Sizes of the image.

    Returns:
        Role to float32 tensor (1, K, ...), prompts in their order; the roles of the spec.

    Raises:
        InputError: If the model does not take a prompt, or it is malformed or outside the image.
    """
    check_prompts(prompts, spec)
    if spec.encoding == "boxes":
        encoded = [
            prompt_boxes(prompt.points, _boxes(prompt), geometry, spec.point_radius or 0.0)
            for prompt in prompts.prompts
        ]
        return {"boxes": normalised_boxes(np.concatenate(encoded), geometry)}
    points = np.zeros((1, len(prompts.prompts), spec.slots, 2), np.float32)
    labels = np.full(points.shape[:-1], EMPTY, np.float32)
    for place, prompt in enumerate(prompts.prompts):
        found, own_labels = _slots(prompt, geometry)
        points[0, place, : len(found)], labels[0, place, : len(found)] = found, own_labels
    tensors: dict[Role, Floats] = {"points": points, "point_labels": labels}
    return tensors | _masks(prompts, spec, geometry)


def mask_prompt_size(spec: PromptSpec, padded_size: Size) -> Size:
    """Returns height and width of the masks that a model takes, which must take some.

    Args:
        spec: What it takes.
        padded_size: Of the network's image.
    """
    assert spec.mask_stride is not None
    return padded_size[0] // spec.mask_stride, padded_size[1] // spec.mask_stride


def _boxes(prompt: Prompt) -> list[tuple[float, float, float, float]]:
    return [] if prompt.box is None else [prompt.box]


def _slots(prompt: Prompt, geometry: ImageGeometry) -> tuple[Floats, list[int]]:
    """Returns the points (n, 2) of the slots that are filled, and their labels."""
    places = [tuple(point) for point in prompt.points]
    labels = [INSIDE if positive else BESIDE for positive in prompt.positive]
    for point in places:
        check_point(point, geometry.original_size)
    if prompt.box is not None:
        check_box(prompt.box, geometry.original_size)
        places += [prompt.box[:2], prompt.box[2:]]
        labels += [TOP_LEFT, BOTTOM_RIGHT]
    scaled = np.reshape(places, (-1, 2)) * np.asarray(geometry.scale_xy)
    if prompt.points and prompt.box is None:
        scaled = np.concatenate([scaled, np.zeros((1, 2))])
        labels.append(PADDING)
    return scaled.astype(np.float32), labels


def _masks(prompts: PromptSet, spec: PromptSpec, geometry: ImageGeometry) -> dict[Role, Floats]:
    if not spec.masks:
        return {}
    size = mask_prompt_size(spec, geometry.padded_size)
    masks = np.zeros((1, len(prompts.prompts), 1, *size), np.float32)
    given = np.zeros(masks.shape[:2], np.float32)
    for place, prompt in enumerate(prompts.prompts):
        if prompt.mask is None:
            continue
        _check_mask(prompt.mask, size, f"the mask of prompt {place + 1}")
        masks[0, place, 0], given[0, place] = prompt.mask, 1
    return {"mask_prompt": masks, "has_mask_prompt": given}


def _check_mask(mask: Floats, size: Size, name: str) -> None:
    if mask.shape != size or not np.issubdtype(mask.dtype, np.floating):
        raise InputError(
            f"{name} is {mask.dtype} {list(mask.shape)}; this model takes float32 mask logits of "
            f"{list(size)}: give those of an earlier answer as they were"
        )
    if not np.isfinite(mask).all():
        raise InputError(f"{name} holds NaN or infinite values; expected mask logits of an earlier answer")
