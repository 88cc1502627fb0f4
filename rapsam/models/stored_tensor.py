"""A tensor that still lies in its file: what it will be is known and checked before it takes memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from rapsam.errors import CheckpointError, quoted, shortened
from rapsam.models.weight_file import MAX_BYTES

PLAIN_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
    )
}
"""What PyTorch computes with everywhere; 8-bit and 4-bit floats are scaled in ways that no file tells."""
MAX_DIMENSIONS = 64
_SIDES = range(2**63)


class StoredTensor(NamedTuple):
    """A tensor of a weight file.

    Attributes:
        dtype: As PyTorch calls it, without "torch.".
        shape: Of the tensor; may be nonsense in a damaged file.
        oddity: As in "sparse", for tensors that are no plain array; else None.
        read: Reads it; may raise anything.
    """

    dtype: str
    shape: tuple[int, ...]
    oddity: str | None
    read: Callable[[], Tensor]


def check_plain(path: Path, tensors: Mapping[str, StoredTensor]) -> None:
    """Refuses what would cost memory or fail later.

    Raises:
        CheckpointError: Naming a tensor that is no plain array of a common dtype, or views that unfold to
            more than a file may hold.
    """
    total = 0
    for name, tensor in tensors.items():
        # Before they are multiplied, which takes without end for many long numbers.
        if len(tensor.shape) > MAX_DIMENSIONS or any(side not in _SIDES for side in tensor.shape):
            raise CheckpointError(
                f"{path}: {quoted(name)} has a shape that no tensor has; expected at most {MAX_DIMENSIONS} "
                "sizes of 0 or more: copy or download it again"
            )
        width = PLAIN_DTYPES[tensor.dtype].itemsize if tensor.dtype in PLAIN_DTYPES else 0
        total += math.prod(tensor.shape) * width
        if total > MAX_BYTES:
            size = "far more" if total > 2**80 else f"{total:,} bytes"
            raise CheckpointError(f"{path} would unfold to {size}; expected at most {MAX_BYTES:,}")
        if tensor.oddity is not None or tensor.dtype not in PLAIN_DTYPES:
            what = " ".join(filter(None, (tensor.oddity, shortened(tensor.dtype, 40))))
            raise CheckpointError(
                f"{path}: {quoted(name)} is no plain tensor of numbers, but {what}; expected float32, "
                "float64, float16, bfloat16, integers or bool: convert it in PyTorch and save it again"
            )
