"""Operators that move values without computing any."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rapsam.export.backends.coreml.mil.operator import Operator, require

_PAD_MODES = ("constant", "reflect", "replicate")


def _concat(values: list[Tensor], axis: int, interleave: bool) -> Tensor:
    require(not interleave, "an interleaved concat")
    return torch.cat(values, axis)


def _expand_dims(x: Tensor, axes: list[int]) -> Tensor:
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _gather(x: Tensor, indices: Tensor, axis: int, batch_dims: int, validate_indices: bool = False) -> Tensor:  # noqa: ARG001
    require(batch_dims == 0, "a gather with batch dimensions")
    at = axis % x.dim()
    rows = torch.index_select(x, at, _from_start(indices, x.shape[at]).flatten())
    return rows.reshape(*x.shape[:at], *indices.shape, *x.shape[at + 1 :])


def _gather_along_axis(x: Tensor, indices: Tensor, axis: int, validate_indices: bool = False) -> Tensor:  # noqa: ARG001
    return torch.gather(x, axis, _from_start(indices, x.shape[axis]))


def _from_start(indices: Tensor, size: int) -> Tensor:
    """Negative indices count from the end."""
    whole = indices.long()
    return torch.where(whole < 0, whole + size, whole)


def _pad(x: Tensor, pad: list[int], mode: str, constant_val: float) -> Tensor:
    require(mode in _PAD_MODES, f"padding mode {mode!r}")
    pairs = list(zip(pad[::2], pad[1::2], strict=True))
    widths = [width for pair in reversed(pairs) for width in pair]
    return F.pad(x, widths, mode, constant_val) if mode == "constant" else F.pad(x, widths, mode)


def _pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    return F.pixel_shuffle(x, upscale_factor)


def _reshape(x: Tensor, shape: list[int]) -> Tensor:
    require(0 not in shape, f"a reshape to {shape}")
    return x.reshape(shape)


def _reverse(x: Tensor, axes: list[int] | None = None) -> Tensor:
    return x.flip(list(range(x.dim())) if axes is None else axes)


def _slice_by_index(
    x: Tensor,
    begin: list[int],
    end: list[int],
    stride: list[int] | None = None,
    begin_mask: list[bool] | None = None,
    end_mask: list[bool] | None = None,
    squeeze_mask: list[bool] | None = None,
) -> Tensor:
    no = [False] * x.dim()
    from_start, to_end, squeezed = begin_mask or no, end_mask or no, squeeze_mask or no
    steps = stride or [1] * x.dim()
    require(min(steps) > 0, f"a slice with steps {steps}")
    for axis, step in enumerate(steps):
        if squeezed[axis]:
            x = x.narrow(axis, begin[axis], 1)
            continue
        start, stop = None if from_start[axis] else begin[axis], None if to_end[axis] else end[axis]
        x = x[(slice(None),) * axis + (slice(start, stop, step),)]
    return x.squeeze(tuple(axis for axis, is_squeezed in enumerate(squeezed) if is_squeezed))


def _split(
    x: Tensor, axis: int, split_sizes: list[int] | None = None, num_splits: int | None = None
) -> tuple[Tensor, ...]:
    if split_sizes is None:
        require(num_splits is not None and x.shape[axis] % num_splits == 0, "a split into unequal parts")
        return x.tensor_split(num_splits or 1, axis)
    return torch.split(x, split_sizes, axis)


def _squeeze(x: Tensor, axes: list[int] | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


def _stack(values: list[Tensor], axis: int) -> Tensor:
    return torch.stack(values, axis)


def _tile(x: Tensor, reps: list[int]) -> Tensor:
    return x.repeat(reps)


def _transpose(x: Tensor, perm: list[int]) -> Tensor:
    return x.permute(perm)


SHAPES: dict[str, Operator] = {
    "concat": _concat,
    "expand_dims": _expand_dims,
    "gather": _gather,
    "gather_along_axis": _gather_along_axis,
    "pad": _pad,
    "pixel_shuffle": _pixel_shuffle,
    "reshape": _reshape,
    "reverse": _reverse,
    "slice_by_index": _slice_by_index,
    "split": _split,
    "squeeze": _squeeze,
    "stack": _stack,
    "tile": _tile,
    "transpose": _transpose,
}
