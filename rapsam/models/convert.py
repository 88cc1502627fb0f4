"""Translating weight files between the published format and ours, both ways."""

from __future__ import annotations

from pathlib import Path

from rapsam.errors import InputError
from rapsam.models.build import build_model, load_checkpoint
from rapsam.models.checkpoint import is_single_tensor, weight_format, write_published, write_safetensors
from rapsam.models.classifier_file import read_classifier, write_classifier
from rapsam.models.rapsam.checkpoint_map import to_published
from rapsam.models.rapsam.config import VARIANTS


def convert_weights(source: Path, destination: Path, model_name: str | None) -> str:
    """Converts a checkpoint or a text-classifier file; the suffix of the destination decides the format.

    Args:
        source: `.pth`, `.pt` or `.safetensors`, ours or published.
        destination: `.safetensors` for our format; `.pth` or `.pt` for the published one (checkpoints only).
        model_name: Variant of a checkpoint; a text-classifier file needs none.

    Returns:
        One line that says what was written.

    Raises:
        InputError: If the model is not named, or a classifier is to become a `.pth`.
        CheckpointError: If the source is damaged or does not fit the model.
    """
    kind = weight_format(destination)
    if is_single_tensor(source):
        if kind != "safetensors":
            raise InputError(f"{destination} for a text classifier; expected a .safetensors file")
        classifier = read_classifier(source, next(iter(VARIANTS.values())).embedding_width)
        write_classifier(destination, classifier)
        return f"text classifier, {classifier.num_classes} classes ({classifier.label_set.name})"
    if model_name is None:
        raise InputError(
            f"{source} is a checkpoint of an unknown variant; name it: --model {' | '.join(VARIANTS)}"
        )
    model = load_checkpoint(build_model(model_name), source)
    state = model.state_dict()
    if kind == "safetensors":
        write_safetensors(destination, state, {"model": model_name})
    else:
        write_published(destination, {to_published(name): tensor for name, tensor in state.items()})
    return f"{model_name}, {len(state)} tensors"
