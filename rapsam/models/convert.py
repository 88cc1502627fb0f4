"""Translating weight files between the published format and ours, both ways."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from rapsam.errors import CheckpointError, InputError
from rapsam.models.build import build_model, load_checkpoint
from rapsam.models.checkpoint import is_single_tensor, write_published, write_safetensors
from rapsam.models.classifier_file import read_classifier, write_classifier
from rapsam.models.families import FAMILIES, family_of, variant_names
from rapsam.models.text_classifier import TextClassifier
from rapsam.models.weight_facts import read_facts
from rapsam.models.weight_file import written_format


def convert_weights(
    source: Path, destination: Path, model_name: str | None = None, *, half: bool = False
) -> str:
    """Converts a checkpoint or a text-classifier file; the suffix of the destination decides the format.

    Args:
        source: `.pth`, `.pt` or `.safetensors`, ours or published.
        destination: `.safetensors` for our format; `.pth` or `.pt` for the published one (checkpoints only).
        model_name: Variant of a checkpoint; a text-classifier file needs none, nor do weights that name it.
        half: Whether a checkpoint's floats are rounded to 16 bits, for half the size.

    Returns:
        One line that says what was written, and what was taken off around the weights.

    Raises:
        InputError: If the model is not named, or a classifier is to become a `.pth`.
        CheckpointError: If the source is damaged or does not fit the model, or 16 bits cannot hold it.
    """
    kind = written_format(destination)
    if is_single_tensor(source):
        if kind != "safetensors":
            raise InputError(f"{destination} for a text classifier; expected a .safetensors file")
        if half:
            raise InputError(f"--half for {source}, a text classifier; expected a checkpoint: leave it out")
        classifier = _read_classifier(source)
        write_classifier(destination, classifier)
        return f"text classifier, {classifier.num_classes} classes ({classifier.label_set.name})"
    facts = read_facts(source)
    model_name = model_name or (facts.model if facts else None)
    if model_name is None:
        raise InputError(
            f"{source} is a checkpoint of an unknown variant; name it: --model {' | '.join(variant_names())}"
        )
    notes: list[str] = []
    model = load_checkpoint(build_model(model_name), source, notes.append)
    state = _halved(source, model.state_dict()) if half else model.state_dict()
    if kind == "safetensors":
        write_safetensors(destination, state, facts.as_metadata() if facts else {})
    else:
        family = family_of(model_name)
        named = {family.to_published(name): tensor for name, tensor in state.items()}
        write_published(destination, named, bare=family.bare_checkpoints)
    return "; ".join([f"{model_name}, {len(state)} tensors{', 16 bits' if half else ''}", *notes])


def _read_classifier(source: Path) -> TextClassifier:
    """Reads a text classifier that fits any family."""
    widths = {width for family in FAMILIES.values() for width in (family.text_width or {}).values()}
    *others, last = sorted(widths)
    for width in others:
        with contextlib.suppress(CheckpointError):
            return read_classifier(source, width)
    return read_classifier(source, last)


def _halved(source: Path, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    halves = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    for name, tensor in halves.items():
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(
                f"{source}: {name!r} holds {state[name].abs().max():.3g}, too large for 16 bits; "
                "expected at most 65504: leave --half out"
            )
    return halves
