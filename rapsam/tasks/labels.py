"""Names of classes: what a class index of a model means."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from rapsam.errors import InputError, unknown_name


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """One class.

    Attributes:
        name: As in "traffic light".
        is_thing: Whether it has countable objects (thing) or is a material (stuff).
        category_id: Its id in result files: the dataset's official one, or index + 1.
    """

    name: str
    is_thing: bool
    category_id: int


class LabelSet(msgspec.Struct, frozen=True, kw_only=True):
    """The classes of a model, in the order of its class logits: things first, then stuff.

    Attributes:
        name: As in "coco_panoptic".
        labels: One per class, without void.
    """

    name: str
    labels: tuple[Label, ...]

    def __post_init__(self) -> None:
        """Raises `InputError` if there is no class, a stuff class precedes a thing, or an id repeats."""
        kinds = [label.is_thing for label in self.labels]
        if not kinds or kinds != sorted(kinds, reverse=True):
            raise InputError(f"label set {self.name!r}: expected at least one class, things before stuff")
        if len({label.category_id for label in self.labels}) < len(self.labels):
            raise InputError(f"label set {self.name!r}: two classes share a category id; make them differ")

    @property
    def num_things(self) -> int:
        """Number of thing classes."""
        return sum(label.is_thing for label in self.labels)


@cache
def label_sets() -> dict[str, LabelSet]:
    """Returns the label sets that come with the package, by name."""
    content = Path(__file__).with_name("label_sets.json").read_bytes()
    return {found.name: found for found in msgspec.json.decode(content, type=tuple[LabelSet, ...])}


def find_label_set(name: str) -> LabelSet:
    """Finds a label set of the package.

    Raises:
        InputError: If there is none of that name.
    """
    sets = label_sets()
    if name not in sets:
        raise unknown_name("label set", name, sets)
    return sets[name]
