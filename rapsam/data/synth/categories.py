"""The categories of the drawn world, as annotation files have them."""

from __future__ import annotations

from rapsam.data.coco_records import DrawnCategory
from rapsam.tasks.labels import LabelSet


def all_categories(label_set: LabelSet) -> tuple[DrawnCategory, ...]:
    """Returns the categories of all classes."""
    return tuple(
        DrawnCategory(
            id=label.category_id,
            name=label.name,
            supercategory="shape" if label.is_thing else "surface",
            isthing=int(label.is_thing),
        )
        for label in label_set.labels
    )


def thing_categories(label_set: LabelSet) -> tuple[DrawnCategory, ...]:
    """Returns the categories of the things."""
    return all_categories(label_set)[: label_set.num_things]
