"""Prompts as a user gives them, and what a model takes of them.

A prompt asks for one region: by points that lie in it (positive) or beside it (negative), a box around it, a
mask that was answered before, or several of these. A model says in its `PromptSpec` which it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec

from rapsam.contract import Role
from rapsam.errors import InputError, quoted
from rapsam.tasks.arrays import Floats

Choice = Literal["iou", "stability"]
"""What tells the best of several candidate masks: the predicted IoU, or the stability score."""
MOST_POINTS = 64
"""Of one prompt: more slots than that, no graph has."""
Point = tuple[float, float]
Box = tuple[float, float, float, float]


class Prompt(NamedTuple):
    """What asks for one region, in pixels of the original image.

    Attributes:
        points: Pairs x, y.
        positive: Whether each point lies in the region (True or 1) or beside it (False or 0); as many as
            points.
        box: x1, y1, x2, y2 around it.
        mask: (h, w) float32 mask logits of an earlier answer.
    """

    points: tuple[Point, ...] = ()
    positive: tuple[bool, ...] = ()
    box: Box | None = None
    mask: Floats | None = None


class PromptSet(NamedTuple):
    """Prompts for one image, each for a region of its own."""

    prompts: tuple[Prompt, ...]

    @classmethod
    def of(cls, points: Sequence[Sequence[float]] = (), boxes: Sequence[Sequence[float]] = ()) -> PromptSet:
        """Makes a prompt of every positive point, then one of every box."""
        return cls(
            (
                *(Prompt(points=(tuple(point),), positive=(True,)) for point in points),  # type: ignore[arg-type]
                *(Prompt(box=tuple(box)) for box in boxes),  # type: ignore[arg-type]
            )
        )


class PromptSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model takes as a prompt, and what it answers.

    Attributes:
        encoding: Tensors that its graphs get, by role; see `rapsam.tasks.prompt_encoding`. "boxes": x1, y1,
            x2, y2 as fractions of the unpadded image. "points": points and the corners of boxes with labels,
            and masks where they are taken.
        max_points: Points of one prompt, at most; 0 if it takes none.
        negative_points: Whether a point may lie beside the region.
        boxes: Whether it takes a box.
        points_with_box: Whether points and a box may belong to one prompt.
        masks: Whether it takes the mask logits of an earlier answer.
        candidates: Masks per prompt; `rapsam.tasks.candidates` says which of several is meant.
        point_radius: In pixels of the network's image: a point is a box that reaches so far to every side,
            past the border too. None where points are encoded as points.
        single: The candidate that is meant by a prompt that leaves little open: several points, a box or a
            mask. The others are meant by a single point. None if all are meant alike.
        choice: By what the best of several candidates is chosen, unless the user says.
        mask_stride: Pixels of the network's image per pixel of a mask that it takes. None if it takes none.
    """

    encoding: Literal["boxes", "points"]
    max_points: Annotated[int, msgspec.Meta(ge=0, le=MOST_POINTS)]
    negative_points: bool
    boxes: bool
    points_with_box: bool
    masks: bool
    candidates: Annotated[int, msgspec.Meta(ge=1, le=16)]
    point_radius: Annotated[float, msgspec.Meta(ge=0, le=64)] | None
    single: Annotated[int, msgspec.Meta(ge=0, le=15)] | None = None
    choice: Choice = "iou"
    mask_stride: Annotated[int, msgspec.Meta(ge=1, le=64)] | None = None

    def __post_init__(self) -> None:
        """Raises `InputError` if the encoding cannot carry what it says that the model takes."""
        more = self.max_points > 1 or self.negative_points or self.points_with_box or self.masks
        if self.encoding == "boxes" and (more or bool(self.max_points) != (self.point_radius is not None)):
            raise InputError(
                "prompts are encoded as boxes, which can carry one box, or one positive point as a box with "
                "a radius, and nothing else"
            )
        if self.encoding == "points" and self.point_radius is not None:
            raise InputError(
                f"points are encoded as points, with a radius of {self.point_radius}; expected none"
            )
        if not self.boxes and not self.max_points and not self.masks:
            raise InputError("no prompt of any kind is taken; expected points, boxes or masks")
        if self.masks != (self.mask_stride is not None):
            raise InputError(
                f"masks are taken: {self.masks}, their stride: {self.mask_stride}; expected both or neither"
            )
        if self.single is not None and not (self.candidates > 1 and 0 <= self.single < self.candidates):
            raise InputError(
                f"candidate {self.single} of {self.candidates} is meant by clear prompts; expected one of "
                "several, counted from 0"
            )

    @property
    def slots(self) -> int:
        """Places for points of a prompt in the encoding "points": its points, padding or a box's corners."""
        return self.max_points + (2 if self.boxes else 1)

    @property
    def roles(self) -> tuple[Role, ...]:
        """Roles of the tensors that the graphs get."""
        if self.encoding == "boxes":
            return ("boxes",)
        return ("points", "point_labels", *(("mask_prompt", "has_mask_prompt") if self.masks else ()))

    @property
    def offered(self) -> tuple[int, ...]:
        """Candidates that an ambiguous prompt may mean."""
        return tuple(place for place in range(self.candidates) if place != self.single)

    def described(self) -> str:
        """Says for people what one prompt may be."""
        points = "one point" if self.max_points == 1 else f"up to {self.max_points} points"
        parts = [points] * bool(self.max_points) + ["one box"] * self.boxes + ["a mask"] * self.masks
        return f" {'and' if self.points_with_box else 'or'} ".join(parts)


def check_prompts(prompts: PromptSet, spec: PromptSpec) -> None:
    """Tells whether a model takes prompts, as far as one sees without the image.

    Raises:
        InputError: If there is none, or one is empty, malformed, or of a kind that the model does not take;
            names the first.
    """
    if not prompts.prompts:
        raise InputError("no prompt given; expected at least one point x,y or one box x1,y1,x2,y2")
    for number, prompt in enumerate(prompts.prompts, start=1):
        problem = _problem(prompt, spec)
        if problem:
            raise InputError(
                f"prompt {number} {problem}; this model takes {spec.described()} per prompt"
                f"{'' if spec.negative_points else ', no negative points'}: change it, or "
                f"{_remedy(prompt, spec)}"
            )


def _remedy(prompt: Prompt, spec: PromptSpec) -> str:
    if spec.encoding == "points" and 0 < spec.max_points < len(prompt.points) <= MOST_POINTS:
        return f"export the model with --points {len(prompt.points)}"
    return "take another model"


def _problem(prompt: Prompt, spec: PromptSpec) -> str:
    """Says why a model does not take a prompt; empty if it does."""
    if len(prompt.positive) != len(prompt.points):
        return f"has {len(prompt.positive)} labels for {len(prompt.points)} points"
    for label in prompt.positive:
        if label not in (0, 1):
            return f"has the label {quoted(label)}, expected 1 in the region or 0 beside it"
    if not prompt.points and prompt.box is None and prompt.mask is None:
        return "is empty"
    if len(prompt.points) > spec.max_points:
        return f"has {len(prompt.points)} {'point' if len(prompt.points) == 1 else 'points'}"
    if not spec.negative_points and not all(prompt.positive):
        x, y = prompt.points[prompt.positive.index(False)]
        return f"has the negative point {x:g},{y:g}"
    if prompt.box is not None and not spec.boxes:
        return "has a box"
    if prompt.box is not None and prompt.points and not spec.points_with_box:
        return "has a box beside a point"
    return "has a mask" if prompt.mask is not None and not spec.masks else ""
