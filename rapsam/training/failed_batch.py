"""Samples of a step whose loss is no number, kept for whoever looks for the reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import safetensors.torch

from rapsam.files import write_atomic
from rapsam.training.batch import ObjectSample, Sample


def save_failed_batch(run: Path, step: int, rank: int, samples: Sequence[Sample]) -> Path:
    """Writes the tensors of samples, and their names and numbers as metadata.

    Returns:
        The safetensors file.

    Raises:
        InputError: If it cannot be written.
    """
    tensors = {}
    for place, sample in enumerate(samples):
        tensors[f"{place}/frames"] = sample.frames
        tensors[f"{place}/masks"] = sample.masks
        if isinstance(sample, ObjectSample):
            tensors[f"{place}/classes"] = sample.classes
            tensors[f"{place}/taught"] = sample.taught
        else:
            tensors[f"{place}/boxes"] = sample.boxes
    names = [{"number": sample.number, "name": sample.name} for sample in samples]
    path = run / f"failed-batch-step-{step:08d}-rank-{rank}.safetensors"
    plain = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, safetensors.torch.save(plain, {"samples": msgspec.json.encode(names).decode()}))
    return path
