"""What the graphs of the family take and return."""

from __future__ import annotations

from typing import NamedTuple

from rapsam.contract import ENLARGED_MASKS, GraphContract, Role, TensorSpec
from rapsam.models.sam.layers import EMBEDDING_WIDTH
from rapsam.models.sam.mask_decoder import NUM_MASKS
from rapsam.models.sam.prompt_encoder import EMPTY_SLOT, LABELS, MASK_STRIDE

_LABEL_MEANING = (
    "of each point: 1 in the region, 0 beside it, 2 top left and 3 bottom right corner of a box; -1 once, "
    "behind the points of a prompt without a box; -2 for slots that are left over"
)


class Shape(NamedTuple):
    """Sizes of the tensors of all graphs.

    Attributes:
        size: Image (height, width).
        stride: Pixels of the image per pixel of the embedding.
        num_prompts: Prompts per pass.
        slots: For points and corners of boxes, per prompt.
        enlarged: Whether masks are returned at the sides of the image too.
    """

    size: tuple[int, int]
    stride: int
    num_prompts: int
    slots: int
    enlarged: bool

    @property
    def embedding(self) -> tuple[int, ...]:
        """Of the embedding of an image."""
        return (1, EMBEDDING_WIDTH, self.size[0] // self.stride, self.size[1] // self.stride)

    @property
    def mask(self) -> tuple[int, int]:
        """Height and width of a mask, prompted or answered."""
        return self.size[0] // MASK_STRIDE, self.size[1] // MASK_STRIDE


def encoder_contract(shape: Shape) -> GraphContract:
    """Describes the graph from the image to its embedding."""
    meaning = "RGB image, resized to fit, padded right and below with the mean colour"
    image = _spec("image", (1, 3, *shape.size), "NCHW", meaning, "image", (0.0, 255.0))
    return GraphContract(
        graph="encoder", inputs=(image,), outputs=(_embedding(shape),), image_size=shape.size
    )


def decoder_contract(shape: Shape) -> GraphContract:
    """Describes the graph from the embedding and prompts to masks."""
    given = "1 if the prompt has a mask, 0 if its place is to be ignored"
    has_mask = _spec(
        "has_mask_prompt", (1, shape.num_prompts), "NQ", given, "has_mask_prompt", (0.0, 1.0), (0.0, 1.0)
    )
    inputs = (_embedding(shape), *_points(shape, (EMPTY_SLOT, *LABELS)), _mask_prompt(shape), has_mask)
    return _decoder(shape, inputs)


def published_decoder_contract(shape: Shape) -> GraphContract:
    """Describes the same graph as the trainable network computes it, see `PublishedDecoder`."""
    return _decoder(shape, (_embedding(shape), *_points(shape, LABELS), _mask_prompt(shape)))


def _decoder(shape: Shape, inputs: tuple[TensorSpec, ...]) -> GraphContract:
    masks = (
        "positive inside the region; the first for clear prompts, three for one point that may mean several"
    )
    iou = "predicted IoU of each mask with the region that is meant"
    answers = (1, shape.num_prompts, NUM_MASKS)
    outputs = [
        _spec("mask_logits", (*answers, *shape.mask), "NQMHW", masks, "mask_logits"),
        _spec("iou", answers, "NQM", iou, "iou"),
    ]
    if shape.enlarged:
        enlarged = (
            "mask_logits at the sides of the network's image; cut the padding off and resize to the photo"
        )
        outputs.append(_spec(ENLARGED_MASKS, (*answers, *shape.size), "NQMHW", enlarged))
    return GraphContract(graph="decoder", inputs=inputs, outputs=tuple(outputs), image_size=shape.size)


def _embedding(shape: Shape) -> TensorSpec:
    return _spec("embedding", shape.embedding, "NCHW", "the image, for any number of prompts")


def _points(shape: Shape, labels: tuple[int, ...]) -> tuple[TensorSpec, TensorSpec]:
    count, slots = shape.num_prompts, shape.slots
    meaning = "x, y in pixels of the resized image, 0 at its border; anything where no point is"
    reach = (0.0, float(max(shape.size)))
    values = tuple(float(label) for label in labels)
    return (
        _spec("points", (1, count, slots, 2), "NQSD", meaning, "points", reach),
        _spec(
            "point_labels",
            (1, count, slots),
            "NQS",
            _LABEL_MEANING,
            "point_labels",
            (values[0], values[-1]),
            values,
        ),
    )


def _mask_prompt(shape: Shape) -> TensorSpec:
    meaning = "mask logits of an earlier answer; anything where there is none"
    return _spec("mask_prompt", (1, shape.num_prompts, 1, *shape.mask), "NQCHW", meaning, "mask_prompt")


def _spec(
    name: str,
    shape: tuple[int, ...],
    layout: str,
    meaning: str,
    role: Role = "flow",
    value_range: tuple[float, float] | None = None,
    values: tuple[float, ...] | None = None,
) -> TensorSpec:
    return TensorSpec(
        name=name,
        shape=shape,
        dtype="float32",
        layout=layout,
        value_range=value_range,
        meaning=meaning,
        role=role,
        values=values,
    )
