"""Attention in windows with biases that are gathered once, and heads that lie side by side."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from rapsam.models.sam.attention import heads, merged
from rapsam.models.sam.rewrites.norms import deployed_norms
from rapsam.models.sam.tiny_vit import HEAD_WIDTH, AttentionBlock, TinyVit, WindowAttention


class DeployedWindowAttention(nn.Module):
    """`WindowAttention` with its bias as a constant and its projection sorted.

    The scale of the scores is in the weights of the queries.
    """

    bias: Tensor

    def __init__(self, attention: WindowAttention) -> None:
        super().__init__()
        self.num_heads = attention.num_heads
        self.norm = copy.deepcopy(attention.norm)
        self.qkv = _sorted_projection(attention)
        self.proj = copy.deepcopy(attention.proj)
        self.register_buffer("bias", attention.position_bias().detach().unsqueeze(0).clone())

    def forward(self, x: Tensor) -> Tensor:
        """Attends in each of W windows of n tokens, (W, n, C): the same shape, without the residual."""
        q, k, v = (heads(part, self.num_heads) for part in self.qkv(self.norm(x)).chunk(3, dim=-1))
        attended = (q @ k.transpose(-2, -1) + self.bias).softmax(-1) @ v
        return self.proj(merged(attended))  # type: ignore[no-any-return]


def deployed_tiny_vit(encoder: TinyVit) -> TinyVit:
    """Copies an encoder, with its attention rewritten, and without the classifier that nothing calls."""
    deployed = copy.deepcopy(encoder)
    for block in deployed.modules():
        if isinstance(block, AttentionBlock):
            assert isinstance(block.attention, WindowAttention)
            block.attention = DeployedWindowAttention(block.attention)
    deployed.neck = deployed_norms(encoder.neck)
    del deployed.unused_norm, deployed.unused_head
    return deployed


@torch.no_grad()
def _sorted_projection(attention: WindowAttention) -> nn.Linear:
    """Sorts the outputs of a projection: the queries of all heads, then keys, then values."""
    made = copy.deepcopy(attention.qkv)
    for parameter in (made.weight, made.bias):
        by_head = parameter.unflatten(0, (attention.num_heads, 3, HEAD_WIDTH))
        parts = by_head.transpose(0, 1).contiguous()
        parts[0].mul_(HEAD_WIDTH**-0.5)
        parameter.copy_(parts.flatten(0, 2))
    return made
