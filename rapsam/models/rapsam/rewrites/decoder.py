"""The decoder on the basis of the mask features, for one number of pixels and one mode."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rapsam.models.rapsam.attention import Attention
from rapsam.models.rapsam.decoder import DecoderStage, ObjectAdapter, PromptAdapter
from rapsam.models.rapsam.query_update import QueryUpdate
from rapsam.models.rapsam.rewrites.basis import (
    BasisMaskProduct,
    BasisPool,
    basis_kernel,
    basis_update,
)
from rapsam.models.rapsam.rewrites.fp16_pooling import pool_scale, rescaled_update
from rapsam.models.rapsam.rewrites.mean_pooling import MeanUpdate
from rapsam.models.rapsam.rewrites.prompt_attention import BasisCrossAttention, collapsed_self_attention

# Legend: B batch, Q queries, C hidden channels, A aggregated channels, P pixels.


class PooledPixels(NamedTuple):
    """How masks are pooled.

    Attributes:
        number: Pixels of the basis.
        as_means: Whether means go through the weights, and not sums; see `mean_pooling`.
    """

    number: int
    as_means: bool


class PackedSelfAttention(nn.Module):
    """Self-attention with one projection for queries, keys and values, the scale folded into it."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.num_heads = attention.num_heads
        self.in_proj = copy.deepcopy(attention.in_proj)
        self.out_proj = copy.deepcopy(attention.out_proj)
        with torch.no_grad():
            for parameter in (self.in_proj.weight, self.in_proj.bias):
                parameter.chunk(3)[0].mul_(attention.head_width**-0.5)

    def forward(self, queries: Tensor) -> Tensor:
        """Maps queries (B, Q, C) to (B, Q, C), without the residual."""
        q, k, v = (self._heads(part) for part in self.in_proj(queries).chunk(3, dim=-1))
        attended = (q @ k.transpose(-2, -1)).softmax(-1) @ v
        return self.out_proj(attended.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def _heads(self, x: Tensor) -> Tensor:
        batch, count, width = x.shape
        return x.reshape(batch, count, self.num_heads, width // self.num_heads).transpose(1, 2)


class DeployedStage(nn.Module):
    """One stage without the heads that no graph returns.

    Args:
        stage: The trained stage.
        self_attention: Maps queries (B, Q, C) to what is added to them.
        features: [W | b] of `feature_matrix`.
        pixels: Of the basis.
    """

    def __init__(
        self, stage: DecoderStage, self_attention: nn.Module, features: Tensor, pixels: PooledPixels
    ) -> None:
        super().__init__()
        self.pool, self.update = pooled_update(stage.update, features, pixels)
        self.attention = self_attention
        self.attention_norm = copy.deepcopy(stage.attention_norm)
        self.ffn = copy.deepcopy(stage.ffn)
        self.ffn_norm = copy.deepcopy(stage.ffn_norm)
        self.mask_fc = copy.deepcopy(stage.mask_fc)
        self.mask_kernel = basis_kernel(stage.mask_kernel, features)
        self.mask_product = BasisMaskProduct()

    def forward(self, queries: Tensor, basis: Tensor, mask_logits: Tensor) -> tuple[Tensor, Tensor]:
        """Refines queries (B, Q, C) and mask logits (B, Q, P) on a basis (B, A + 2, P)."""
        queries = self.update(queries, self.pool(basis, mask_logits))
        queries = self.attention_norm(queries + self.attention(queries))
        queries = self.ffn_norm(queries + self.ffn(queries))
        return queries, self.mask_product(self.mask_kernel(self.mask_fc(queries)), basis)


class DeployedObjectAdapter(nn.Module):
    """The object adapter up to its queries and masks."""

    def __init__(self, adapter: ObjectAdapter, features: Tensor, pixels: PooledPixels) -> None:
        super().__init__()
        self.pool, self.update = pooled_update(adapter.update, features, pixels)
        self.mask_kernel = basis_kernel(None, features)
        self.mask_product = BasisMaskProduct()

    def forward(self, queries: Tensor, basis: Tensor, mask_logits: Tensor) -> tuple[Tensor, Tensor]:
        """As `DeployedStage.forward`."""
        queries = self.update(queries, self.pool(basis, mask_logits))
        return queries, self.mask_product(self.mask_kernel(queries), basis)


class DeployedPromptAdapter(nn.Module):
    """The prompt adapter up to its queries and masks."""

    def __init__(self, adapter: PromptAdapter, features: Tensor) -> None:
        super().__init__()
        self.attention = BasisCrossAttention(adapter.attention, features)
        self.norm = copy.deepcopy(adapter.norm)
        self.mask_kernel = basis_kernel(None, features)
        self.mask_product = BasisMaskProduct()

    def forward(self, queries: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
        """Maps queries (B, Q, C) and a basis (B, A + 2, P) to queries and mask logits (B, Q, P)."""
        queries = self.norm(queries + self.attention(queries, basis))
        return queries, self.mask_product(self.mask_kernel(queries), basis)


def pooled_update(
    update: QueryUpdate, features: Tensor, pixels: PooledPixels
) -> tuple[BasisPool, QueryUpdate]:
    """Makes what pools a basis (B, A + 2, P), and what updates queries by it."""
    scale = pool_scale(pixels.number)
    deployed = basis_update(rescaled_update(update, scale), features)
    pool = BasisPool(pixels.number, scale, features.dtype)
    return pool, MeanUpdate(deployed, scale) if pixels.as_means else deployed


def object_stage(stage: DecoderStage, features: Tensor, pixels: PooledPixels) -> DeployedStage:
    """Deploys a stage for object queries, which see each other."""
    return DeployedStage(stage, PackedSelfAttention(stage.attention), features, pixels)


def prompt_stage(stage: DecoderStage, features: Tensor, pixels: PooledPixels) -> DeployedStage:
    """Deploys a stage for prompts, which see themselves alone."""
    return DeployedStage(stage, collapsed_self_attention(stage.attention), features, pixels)
