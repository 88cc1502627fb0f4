"""Published weights of a backbone alone, as those of ImageNet, from a file that the user has."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from rapsam.errors import CheckpointError, quoted
from rapsam.models.backbones.backbone import WeightLayout
from rapsam.models.checkpoint import Note, load_strictly, read_tensors
from rapsam.models.wrappers import common_prefix


def load_backbone(backbone: nn.Module, layout: WeightLayout, path: Path, note: Note | None = None) -> None:
    """Loads a published weight file into a backbone; the layer that classifies is left out.

    Args:
        backbone: Unchanged if an error is raised.
        layout: Of the files that fit it.
        path: A `.pth`, `.pt` or `.safetensors` file.
        note: Is told which wrappers of the file were taken off.

    Raises:
        CheckpointError: If the file cannot be read or is of another backbone.
    """
    tensors = {
        name: tensor
        for name, tensor in read_tensors(path, note).items()
        if not name.startswith(layout.left_out)
    }
    if not any(name.startswith(f"{layout.first_layer}.") for name in tensors):
        prefix = common_prefix(tensors)
        hint = f"; all its names begin with {quoted(prefix)}: save them without it" if prefix else ""
        raise CheckpointError(
            f"{path} has no {layout.first_layer!r}; expected a {layout.description}, for the backbone{hint}"
        )
    for name, tensor in backbone.state_dict().items():
        # Files from before PyTorch counted batches lack the counts, which nothing here uses.
        if name.endswith("num_batches_tracked"):
            tensors.setdefault(name, torch.zeros_like(tensor))
    load_strictly(backbone, tensors, path, lambda name: name)
