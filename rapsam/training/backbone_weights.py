"""ImageNet weights for the backbone, from a file that the user has."""

from __future__ import annotations

from pathlib import Path

import torch

from rapsam.errors import CheckpointError, quoted
from rapsam.models.checkpoint import Note, load_strictly, read_tensors
from rapsam.models.rapsam.model import RapSam
from rapsam.models.wrappers import common_prefix

_CLASSIFIER = ("fc.", "head.", "classifier.")


def load_backbone(model: RapSam, path: Path, note: Note | None = None) -> None:
    """Loads a ResNet of torchvision or timm into the backbone; the layer that classifies is left out.

    Args:
        model: The network; unchanged if an error is raised.
        path: A `.pth`, `.pt` or `.safetensors` file with torchvision's names.
        note: Is told which wrappers of the file were taken off.

    Raises:
        CheckpointError: If the file cannot be read or is of another backbone.
    """
    tensors = {name: t for name, t in read_tensors(path, note).items() if not name.startswith(_CLASSIFIER)}
    if not any(name.startswith("conv1.") for name in tensors):
        prefix = common_prefix(tensors)
        hint = f"; all its names begin with {quoted(prefix)}: save them without it" if prefix else ""
        raise CheckpointError(
            f"{path} has no 'conv1'; expected a ResNet as torchvision and timm publish it, for the "
            f"backbone{hint}"
        )
    for name, tensor in model.backbone.state_dict().items():
        # Files from before PyTorch counted batches lack the counts, which nothing here uses.
        if name.endswith("num_batches_tracked"):
            tensors.setdefault(name, torch.zeros_like(tensor))
    load_strictly(model.backbone, tensors, path, lambda name: name)
