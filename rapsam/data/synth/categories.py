"""What the annotation files of all formats have in common: who made them, and their categories."""

from __future__ import annotations

import msgspec

from rapsam.tasks.labels import LabelSet


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file comes from."""

    description: str
    version: str


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """A category; `isthing` is 1 or 0."""

    id: int
    name: str
    supercategory: str
    isthing: int


def all_categories(label_set: LabelSet) -> tuple[Category, ...]:
    """Gives the categories of all classes."""
    return tuple(
        Category(
            id=label.category_id,
            name=label.name,
            supercategory="shape" if label.is_thing else "surface",
            isthing=int(label.is_thing),
        )
        for label in label_set.labels
    )


def thing_categories(label_set: LabelSet) -> tuple[Category, ...]:
    """Gives the categories of the things."""
    return all_categories(label_set)[: label_set.num_things]
