"""An annotation file: which of its annotations belong to which of its images or videos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from rapsam.data.coco_records import Key
from rapsam.data.sources.categories import ClassIndex
from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.faulty_entries import FaultyEntries
from rapsam.data.sources.json_file import repeated
from rapsam.tasks.labels import LabelSet


class AnnotationFile:
    """Base of the readers of annotation files.

    Args:
        path: The annotation file.
        field: In which an annotation names its image or video.
        owners: What stands in it, annotation by annotation.
        listed: Ids of the images or videos, in their order.
        faulty: What is wrong with entries that could not be decoded.
        label_set: Its classes.
    """

    def __init__(
        self,
        path: Path,
        field: str,
        owners: Iterable[Key],
        listed: list[Key],
        faulty: FaultyEntries,
        label_set: LabelSet,
    ) -> None:
        self.label_set, self._class_of = label_set, ClassIndex(label_set)
        self._json, self._field_of_owner, self._faulty = path, field, faulty
        self._listed, self._repeated_owners = set(listed), repeated(listed)
        self._places: dict[Key, list[int]] = {}
        for place, owner in enumerate(owners):
            self._places.setdefault(owner, []).append(place)
        self._length = len(listed)

    def __len__(self) -> int:
        return self._length

    def has_annotations(self) -> bool:
        """Tells whether any annotation belongs to a listed image or video; see `OpenedSource`."""
        return not self._places.keys().isdisjoint(self._listed)

    def strays(self) -> Iterator[DataSetError]:
        """Yields annotations without an image or video; see `OpenedSource`."""
        unowned = self._places.keys() - self._listed
        found = sorted((place, owner) for owner in unowned for place in self._places[owner])
        for place, owner in found:
            yield self._faulty.fault(place) or DataSetError(
                "stray annotation",
                f"{self._json}: annotations[{place}].{self._field_of_owner} is {owner!r}; expected the id of "
                "a listed one",
            )
