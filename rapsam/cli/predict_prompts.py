"""Prompts as they are typed: what belongs to one object, and what a model makes of the rest."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, get_args

from rapsam.cli.arguments import numbers
from rapsam.errors import InputError, quoted, unknown_name

if TYPE_CHECKING:
    from rapsam.tasks.prompt_set import Prompt, PromptSet, PromptSpec

OPTIONS = ("point", "box", "mask")
_NUMBER = re.compile(r"\s*([0-9]{1,4}):(.*)", re.DOTALL)
_HOW = "write 1:x,y, 1:x,y,- or 1:x1,y1,x2,y2 for the parts of object 1, 2: for those of the next"


class Typed(NamedTuple):
    """One option.

    Attributes:
        number: Of the object that it is part of; None if that was not said.
        part: What it says of the object.
    """

    number: int | None
    part: Prompt


def add_prompt_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "--point",
        action="append",
        default=[],
        metavar="[N:]X,Y[,-]",
        help="prompt for images: a point of the region, or with ,- beside it, for models that take such; may "
        "be repeated. N: says which object it belongs to. Without, every point is an object of its own for "
        "models of one point per prompt; for others all points, and a box, are one object",
    )
    parser.add_argument(
        "--box",
        action="append",
        default=[],
        metavar="[N:]X1,Y1,X2,Y2",
        help="prompt; may be repeated; boxes without points are an object each",
    )
    parser.add_argument(
        "--mask",
        action="append",
        default=[],
        metavar="[N:]FILE",
        help="prompt: mask logits of an earlier run with --logits, for models that take them",
    )
    parser.add_argument(
        "--multimask",
        action="store_true",
        help="let every prompt mean the best of several masks, and show all of these: in NAME.candidates.png "
        "and the JSON",
    )
    parser.add_argument(
        "--choose",
        metavar="NAME",
        help="of several masks take the one with the best iou, as the network predicts it, or stability; "
        "default: what the model does best",
    )
    parser.add_argument(
        "--logits", action="store_true", help="also write the mask logits of each object, for --mask"
    )


def typed_prompts(options: argparse.Namespace) -> tuple[Typed, ...]:
    """Reads all prompts: points, boxes, then masks, each in the order in which they were typed.

    Raises:
        InputError: If one is malformed, or they are numbered in part only, or --choose is unknown.
    """
    from rapsam.tasks.prompt_set import Choice

    if options.choose is not None and options.choose not in get_args(Choice):
        raise unknown_name("choice", options.choose, get_args(Choice))
    typed = (
        *map(_point, options.point),
        *map(_box, options.box),
        *map(_mask, options.mask),
    )
    for name in ("multimask", "choose", "logits"):
        if getattr(options, name) and not typed:
            raise InputError(f"--{name} without a prompt; expected --point, --box or --mask beside it")
    without = [place for place, each in enumerate(typed) if each.number is None]
    if 0 < len(without) < len(typed):
        text = [*options.point, *options.box, *options.mask][without[0]]
        raise InputError(f"{quoted(text)} has no number beside prompts that have one; {_HOW}")
    return typed


def objects_of(typed: Sequence[Typed], spec: PromptSpec) -> PromptSet:
    """Puts the parts of objects together.

    Args:
        typed: All numbered or none.
        spec: What the model takes. It decides of prompts without numbers: with one point per prompt each is
            an object; else all are one, but boxes alone are one each.

    Returns:
        Objects in the order of their numbers.

    Raises:
        InputError: If an object would have two boxes or two masks.
    """
    from rapsam.tasks.prompt_set import PromptSet

    if typed and typed[0].number is not None:
        parts = sorted(typed, key=lambda each: each.number or 0)
    elif spec.max_points <= 1 or not any(each.part.points or each.part.mask is not None for each in typed):
        parts = [Typed(number, each.part) for number, each in enumerate(typed)]
    else:
        boxes = sum(each.part.box is not None for each in typed)
        if boxes > 1:
            raise InputError(f"{boxes} boxes beside points or a mask: which belong together? {_HOW}")
        parts = [Typed(1, each.part) for each in typed]
    joined: dict[int | None, Prompt] = {}
    for number, part in parts:
        joined[number] = _joined(joined[number], part, number) if number in joined else part
    return PromptSet(tuple(joined.values()))


def _joined(one: Prompt, other: Prompt, number: int | None) -> Prompt:
    for name in ("box", "mask"):
        if getattr(one, name) is not None and getattr(other, name) is not None:
            raise InputError(f"object {number} has two {name}{'e' * (name == 'box')}s; {_HOW}")
    return one._replace(
        points=one.points + other.points,
        positive=one.positive + other.positive,
        box=other.box if one.box is None else one.box,
        mask=other.mask if one.mask is None else one.mask,
    )


def _numbered(text: str) -> tuple[int | None, str]:
    match = _NUMBER.fullmatch(text)
    return (None, text) if match is None else (int(match[1]), match[2])


def _point(text: str) -> Typed:
    """Reads "x,y" or "x,y,+", a point of the region, or "x,y,-", one beside it."""
    from rapsam.tasks.prompt_set import Prompt

    number, rest = _numbered(text)
    place, _, label = rest.rpartition(",")
    positive = label.strip(" ") != "-"
    if label.strip(" ") not in ("+", "-"):
        place = rest
    x, y = numbers(place, 2, "point", "with ,- for a point beside the region")
    return Typed(number, Prompt(points=((x, y),), positive=(positive,)))


def _box(text: str) -> Typed:
    from rapsam.tasks.prompt_set import Prompt

    number, rest = _numbered(text)
    x1, y1, x2, y2 = numbers(rest, 4, "box")
    return Typed(number, Prompt(box=(x1, y1, x2, y2)))


def _mask(text: str) -> Typed:
    from rapsam.data.mask_logits import read_mask_logits
    from rapsam.tasks.prompt_set import Prompt

    number, rest = _numbered(text)
    return Typed(number, Prompt(mask=read_mask_logits(Path(rest))))
