"""A graph in the operators that XNNPACK takes over; all others run in slow portable kernels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from rapsam.contract import GraphContract
from rapsam.export.capture import trace

_aten = torch.ops.aten
# Twice this factor takes the smallest number of the type above 1, and the largest to infinity at worst.
_STEEP = {torch.float32: 1e38, torch.float16: 60000.0}


def xnnpack_form(program: ExportedProgram, contract: GraphContract) -> ExportedProgram:
    """Rewrites hard masks, products of activations and splits; the results stay the same.

    Args:
        program: A float32 or float16 graph. It is not changed.
        contract: Its contract.

    Returns:
        A new program.
    """
    module = program.module(check_guards=False)
    assert isinstance(module, fx.GraphModule)
    _rewrite_hard_masks(module)
    decompositions = {
        _aten.matmul.default: _batched_product,
        _aten.chunk.default: _chunks,
        _aten.split.Tensor: _splits,
        _aten.split_with_sizes.default: _slices,
    }
    rewritten: ExportedProgram = trace(module, contract).run_decompositions(decompositions)
    return rewritten


def _rewrite_hard_masks(module: fx.GraphModule) -> None:
    for node in list(module.graph.nodes):
        logits = _logits_of_hard_mask(node)
        if logits is not None:
            with module.graph.inserting_before(node):
                node.replace_all_uses_with(module.graph.call_function(_hard_mask, (logits,)))
    module.graph.eliminate_dead_code()
    module.recompile()


def _logits_of_hard_mask(node: fx.Node) -> fx.Node | None:
    """Gives x of a node that is (x > 0) as numbers of x's own type, else None."""
    if node.target is not _aten.to.dtype:
        return None
    compared, dtype = node.args
    if not isinstance(compared, fx.Node) or compared.target is not _aten.gt.Scalar:
        return None
    logits, threshold = compared.args
    assert isinstance(logits, fx.Node)
    same = threshold == 0 and dtype == logits.meta["val"].dtype and dtype in _STEEP
    return logits if same else None


def _hard_mask(logits: Tensor) -> Tensor:
    """Computes (logits > 0) as numbers, by clamping a steep line to 0..1; twice, for the smallest."""
    steep = _STEEP[logits.dtype]
    return torch.clamp(torch.clamp(logits * steep, 0, 1) * steep, 0, 1)


def _batched_product(left: Tensor, right: Tensor) -> Tensor:
    """Writes a matrix product as `bmm`, which XNNPACK takes when both sides are activations.

    PyTorch's own decomposition gives `mm` for two matrices, which it does not take, and for batches an
    `expand`, which copies.
    """
    if min(left.dim(), right.dim()) < 2 or left.shape[:-2] != right.shape[:-2]:
        return NotImplemented  # type: ignore[no-any-return]
    product = torch.bmm(left.reshape(-1, *left.shape[-2:]), right.reshape(-1, *right.shape[-2:]))
    return product.view(*left.shape[:-1], right.shape[-1])


def _chunks(x: Tensor, chunks: int, dim: int = 0) -> list[Tensor]:
    return _splits(x, -(-x.shape[dim] // chunks), dim)


def _splits(x: Tensor, size: int, dim: int = 0) -> list[Tensor]:
    length = x.shape[dim]
    return _slices(x, [min(size, length - start) for start in range(0, length, size)], dim)


def _slices(x: Tensor, sizes: Sequence[int], dim: int = 0) -> list[Tensor]:
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    return [x.narrow(dim, start, size) for start, size in zip(starts, sizes, strict=True)]
