"""A graph in the operators that XNNPACK takes over; all others run in slow portable kernels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from rapsam.contract import GraphContract
from rapsam.export.backends.executorch.xnnpack_rewrites import rewrite_hard_masks, rewrite_row_numbers
from rapsam.graph.capture import trace

_aten = torch.ops.aten
# What takes the smallest normal float32 above 1. In float16 it needs to be done twice.
_STEEP = {torch.float32: 1e38, torch.float16: 60000.0}


def xnnpack_form(program: ExportedProgram, contract: GraphContract) -> ExportedProgram:
    """Rewrites hard masks, row numbers, products of activations, layer norms and splits; results stay.

    Args:
        program: A float32 or float16 graph. It is not changed.
        contract: Its contract.

    Returns:
        A new program.
    """
    module = program.module(check_guards=False)
    assert isinstance(module, fx.GraphModule)
    rewrite_hard_masks(module, _hard_mask)
    rewrite_row_numbers(module)
    decompositions = {
        _aten.matmul.default: _batched_product,
        _aten.layer_norm.default: _layer_norm,
        _aten.chunk.default: _chunks,
        _aten.split.Tensor: _splits,
        _aten.split_with_sizes.default: _slices,
    }
    rewritten: ExportedProgram = trace(module, contract).run_decompositions(decompositions)
    return rewritten


def _hard_mask(logits: Tensor) -> Tensor:
    """Computes (logits > 0) as numbers, by clamping a steep line to 0..1: one operator of XNNPACK."""
    steep = _STEEP[logits.dtype]
    mask = torch.clamp(logits * steep, 0, 1)
    return mask if logits.dtype is torch.float32 else torch.clamp(mask * steep, 0, 1)


def _batched_product(left: Tensor, right: Tensor) -> Tensor:
    """Writes a matrix product as `bmm`, which XNNPACK takes when both sides are activations.

    PyTorch's own decomposition gives `mm` for two matrices, which it does not take, and for batches an
    `expand`, which copies.
    """
    if min(left.dim(), right.dim()) < 2 or left.shape[:-2] != right.shape[:-2]:
        return NotImplemented  # type: ignore[no-any-return]
    product = torch.bmm(left.reshape(-1, *left.shape[-2:]), right.reshape(-1, *right.shape[-2:]))
    return product.view(*left.shape[:-1], right.shape[-1])


def _layer_norm(
    x: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,  # noqa: ARG001 - the operator has it
) -> Tensor:
    """Writes a layer norm over the last axis in arithmetic and the one mean that XNNPACK takes."""
    if len(normalized_shape) != 1:
        return NotImplemented  # type: ignore[no-any-return]
    centred = x - _mean_of_rows(x)
    normed = centred * torch.rsqrt(_mean_of_rows(centred * centred) + eps)
    scaled = normed if weight is None else normed * weight
    return scaled if bias is None else scaled + bias


def _mean_of_rows(x: Tensor) -> Tensor:
    # As the mean of a picture of one column: that is the only mean that the partitioner knows.
    mean = x.reshape(-1, 1, x.shape[-1], 1).mean((2, 3), keepdim=True)
    return mean.reshape(*x.shape[:-1], 1)


def _chunks(x: Tensor, chunks: int, dim: int = 0) -> list[Tensor]:
    return _splits(x, -(-x.shape[dim] // chunks), dim)


def _splits(x: Tensor, size: int, dim: int = 0) -> list[Tensor]:
    length = x.shape[dim]
    return _slices(x, [min(size, length - start) for start in range(0, length, size)], dim)


def _slices(x: Tensor, sizes: Sequence[int], dim: int = 0) -> list[Tensor]:
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    return [x.narrow(dim, start, size) for start, size in zip(starts, sizes, strict=True)]
