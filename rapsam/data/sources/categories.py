"""Label sets of data sets, and what their classes are called in another label set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rapsam.data.coco_records import Category
from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.json_file import repeated
from rapsam.errors import InputError
from rapsam.tasks.arrays import Indices
from rapsam.tasks.labels import Label, LabelSet, find_label_set, label_sets

COCO_NAMES = {
    55: "orange",
    75: "remote",
    87: "scissors",
    112: "door-stuff",
    118: "floor-wood",
    130: "light",
    133: "mirror-stuff",
    138: "net",
    171: "wall-brick",
    175: "wall-stone",
    176: "wall-tile",
    177: "wall-wood",
    178: "water-other",
    180: "window-blind",
    181: "window-other",
    184: "tree-merged",
    185: "fence-merged",
    186: "ceiling-merged",
    187: "sky-other-merged",
    188: "cabinet-merged",
    189: "table-merged",
    190: "floor-other-merged",
    191: "pavement-merged",
    192: "mountain-merged",
    193: "grass-merged",
    194: "dirt-merged",
    195: "paper-merged",
    196: "food-other-merged",
    197: "building-other-merged",
    198: "rock-merged",
    199: "wall-other-merged",
    200: "rug-merged",
}
"""Ids and names in COCO's files where the model's vocabulary, as RAP-SAM published it, has another name."""


def label_set_of(path: Path, kind: str, categories: Sequence[Category]) -> LabelSet:
    """Makes the label set of an annotation file: things by id, then stuff by id.

    Names have spaces for underscores, and COCO's classes the names of the model's vocabulary.

    Args:
        path: The file, for messages.
        kind: Kind of data set, which names the label set.
        categories: As the file has them.

    Returns:
        A label set of the package if its classes and ids are the same.

    Raises:
        InputError: If there is no category, or an id repeats. Names may repeat: see `repeated_names`.
    """
    ordered = sorted(categories, key=lambda category: (not category.isthing, category.id))
    labels = tuple(_label(category) for category in ordered)
    if twice := sorted(repeated(label.category_id for label in labels)):
        raise InputError(f"{path}: categories repeat id {twice[0]}; expected each id once")
    if not labels:
        raise InputError(f"{path}: categories is empty; expected at least one class")
    same = (known for known in label_sets().values() if known.labels == labels)
    return next(same, LabelSet(name=f"{kind} ({len(labels)} classes)", labels=labels))


def repeated_names(labels: LabelSet) -> list[str]:
    """Says which names several categories have, each with their ids; in another label set they are one."""
    twice = repeated(label.name for label in labels.labels)
    return [
        f"{name!r} is the name of categories "
        + " and ".join(str(label.category_id) for label in labels.labels if label.name == name)
        for name in dict.fromkeys(label.name for label in labels.labels)
        if name in twice
    ]


def label_mapping(source: LabelSet, target: LabelSet) -> Indices:
    """Finds the classes of one label set in another by their names.

    Names must be equal. The vocabulary of joint training, "joint", has every class of COCO and of
    YouTube-VIS under its own name.

    Returns:
        (C,) int64 for the C classes of the source: index in the target, -1 where it has no such class.

    Raises:
        InputError: If no class is found.
    """
    places = {label.name: place for place, label in enumerate(target.labels)}
    found = np.array([places.get(label.name, -1) for label in source.labels], np.int64)
    if (found < 0).all():
        raise InputError(
            f"no class of {source.name!r}, such as {source.labels[0].name!r}, is in label set "
            f"{target.name!r}; take a model or a data set with classes of the same names"
        )
    return found


class ClassIndex:
    """Class indices by category id."""

    def __init__(self, labels: LabelSet) -> None:
        self._places = {label.category_id: place for place, label in enumerate(labels.labels)}

    def __call__(self, category_id: int, field: str) -> int:
        """Returns the class index.

        Raises:
            DataSetError: If the categories do not list the id; names the field.
        """
        place = self._places.get(category_id)
        if place is None:
            raise DataSetError(
                "unknown category",
                f"{field} is {category_id}; expected one of the {len(self._places)} ids in categories",
            )
        return place


def _label(category: Category) -> Label:
    name = category.name.strip().replace("_", " ")
    if COCO_NAMES.get(category.id) == category.name:
        vocabulary = find_label_set("coco_panoptic").labels
        name = next(label.name for label in vocabulary if label.category_id == category.id)
    return Label(name=name, is_thing=bool(category.isthing), category_id=category.id)
