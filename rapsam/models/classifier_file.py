"""Finding the text classifier that a user means: a vocabulary's name, a file, or a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from rapsam.errors import JSON_ERRORS, CheckpointError, InputError, quoted, reason_of, unknown_name
from rapsam.models.checkpoint import read_tensor, write_safetensors
from rapsam.models.formula import formula_classifier
from rapsam.models.origins import Prototypes
from rapsam.models.text_classifier import TextClassifier
from rapsam.tasks.labels import Label, LabelSet, find_label_set, label_sets

# The vocabulary of a published classifier file follows from its number of classes.
_BY_COUNT = {133: "coco_panoptic", 40: "ytvis_2019", 155: "joint"}
_LABELS_KEY = "labels"
_LONGEST_NAME = 200
_LARGEST_ID = 2**31 - 1


def find_classifier(classifier: str | Path | Tensor | None, width: int) -> TextClassifier:
    """Makes the text classifier of a model.

    Args:
        classifier: A vocabulary's name ("coco_panoptic", "ytvis_2019", "joint") for prototypes by formula
            (no text meaning); a `.safetensors` or `.pth` file; a tensor (classes, synonyms, width); or None
            for "coco_panoptic".
        width: Embedding width of the model.

    Raises:
        InputError: If a name is unknown, or a tensor does not fit.
        CheckpointError: If a file cannot be used.
    """
    if classifier is None or (isinstance(classifier, str) and classifier in label_sets()):
        name = classifier if isinstance(classifier, str) else _BY_COUNT[133]
        return TextClassifier(formula_classifier(name), find_label_set(name), Prototypes(origin="formula"))
    if isinstance(classifier, Tensor):
        _check_shape(classifier.shape, width, InputError, "the classifier tensor")
        _check(classifier, InputError, "the classifier tensor")
        prototypes = classifier.detach().float().clone()
        return TextClassifier(prototypes, label_set_for(len(prototypes)), Prototypes(origin="tensor"))
    path = Path(classifier)
    if not path.suffix:
        raise unknown_name("classifier", str(classifier), label_sets())
    return read_classifier(path, width)


def read_classifier(path: Path, width: int) -> TextClassifier:
    """Reads a classifier file, published (`.pth`) or ours (`.safetensors`, which names its classes).

    Raises:
        CheckpointError: If the file cannot be read or does not fit.
    """
    expected = f"a text classifier file, or a vocabulary: {', '.join(label_sets())}"
    prototypes, metadata = read_tensor(
        path, expected, lambda shape: _check_shape(shape, width, CheckpointError, str(path))
    )
    _check(prototypes, CheckpointError, str(path))
    label_set = label_set_for(len(prototypes))
    if _LABELS_KEY in metadata:
        try:
            label_set = msgspec.json.decode(metadata[_LABELS_KEY], type=LabelSet)
        except (*JSON_ERRORS, InputError) as error:
            raise CheckpointError(
                f"{path}: its class names cannot be read ({reason_of(error)}); make the file again"
            ) from error
    if len(label_set.labels) != len(prototypes):
        raise CheckpointError(
            f"{path} names {len(label_set.labels)} classes for {len(prototypes)} prototypes; make it again"
        )
    _check_names(path, label_set)
    return TextClassifier(prototypes, label_set, Prototypes(origin="file", name=path.name))


def write_classifier(path: Path, classifier: TextClassifier) -> None:
    """Writes prototypes and class names to a safetensors file."""
    labels = msgspec.json.encode(classifier.label_set).decode()
    write_safetensors(path, {"prototypes": classifier.prototypes}, {_LABELS_KEY: labels})


def label_set_for(count: int) -> LabelSet:
    """Returns the known vocabulary of this many classes, or one of numbered things."""
    if count in _BY_COUNT:
        return find_label_set(_BY_COUNT[count])
    labels = tuple(Label(name=f"class {i}", is_thing=True, category_id=i + 1) for i in range(count))
    return LabelSet(name=f"{count}_classes", labels=labels)


def _check_names(path: Path, label_set: LabelSet) -> None:
    """Refuses what could not be drawn, printed or written to results: names are never changed."""
    for name in (label_set.name, *(label.name for label in label_set.labels)):
        if not name or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise CheckpointError(
                f"{path}: the class name {quoted(name)}; expected 1 to {_LONGEST_NAME} printable "
                "characters in one line: make the file again"
            )
    for label in label_set.labels:
        if not 0 <= label.category_id <= _LARGEST_ID:
            raise CheckpointError(
                f"{path}: the category id {quoted(label.category_id)} of {quoted(label.name)}; expected 0 to "
                f"{_LARGEST_ID}: make the file again"
            )


def _check_shape(
    shape: Sequence[int], width: int, error: type[InputError | CheckpointError], source: str
) -> None:
    if len(shape) != 3 or shape[-1] != width or 0 in shape:
        raise error(f"{source} has shape {list(shape)}; expected [classes, synonyms, {width}]")


def _check(prototypes: Tensor, error: type[InputError | CheckpointError], source: str) -> None:
    lengths = prototypes.float().norm(dim=-1)
    if not bool(torch.isfinite(lengths).all()) or bool(((lengths - 1).abs() > 1e-2).any()):
        raise error(
            f"{source} holds vectors of length {lengths.min():.3f} to {lengths.max():.3f}; expected 1"
        )
