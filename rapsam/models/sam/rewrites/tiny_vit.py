"""Attention in windows with biases that are gathered once, and heads that lie side by side."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from rapsam.models.sam.attention import heads, merged
from rapsam.models.sam.rewrites.norms import deployed_norms
from rapsam.models.sam.tiny_vit import HEAD_WIDTH, AttentionBlock, TinyVit, WindowAttention
from rapsam.models.sam.windows import joined, padded_to_windows, split


class DeployedWindowAttention(nn.Module):
    """`WindowAttention` with its bias as a constant, its projection sorted, and less work on padding.

    The scale of the scores is in the weights of the queries. A padded token is normed to the bias b of the
    norm. With W b in the bias of the projection, norms without bias may come first and zeros be padded; the
    last projection takes tokens one by one, so that the padding can be cut off before it.
    """

    bias: Tensor

    def __init__(self, attention: WindowAttention) -> None:
        super().__init__()
        self.num_heads = attention.num_heads
        self.window = attention.window
        self.norm = _without_bias(attention.norm)
        self.qkv = _sorted_projection(attention)
        self.proj = copy.deepcopy(attention.proj)
        self.register_buffer("bias", attention.position_bias().detach().unsqueeze(0).clone())

    def forward(self, x: Tensor) -> Tensor:
        """Attends in the windows of a map (B, H, W, C): the same shape, without the residual."""
        padded = padded_to_windows(self.norm(x), self.window)
        parts = self.qkv(split(padded, self.window)).chunk(3, dim=-1)
        q, k, v = (heads(part, self.num_heads) for part in parts)
        attended = merged((_scores(q, k) + self.bias).softmax(-1) @ v)
        whole = joined(attended, padded.shape[1:3], self.window)[:, : x.shape[1], : x.shape[2]]
        return self.proj(whole)  # type: ignore[no-any-return]


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


def _scores(q: Tensor, k: Tensor) -> Tensor:
    """Multiplies queries with keys, both (B, heads, N, D): (B, heads, N, N).

    All heads of all windows are one batch here. With an axis for heads ONNX Runtime merges the transposition
    of the keys with the one that told the heads apart, and moves numbers one by one instead of leaving it to
    the product.
    """
    batch, count, length, width = q.shape
    q, k = (each.reshape(batch * count, 1, length, width) for each in (q, k))
    return (q @ k.transpose(-2, -1)).reshape(batch, count, length, length)


@torch.no_grad()
def _without_bias(norm: nn.LayerNorm) -> nn.LayerNorm:
    made = nn.LayerNorm(len(norm.weight), eps=norm.eps, bias=False, dtype=norm.weight.dtype)
    made.weight.copy_(norm.weight)
    return made


@torch.no_grad()
def _sorted_projection(attention: WindowAttention) -> nn.Linear:
    """Takes in the bias of the norm, and sorts outputs: the queries of all heads, then keys, then values."""
    made = copy.deepcopy(attention.qkv)
    made.bias.add_(made.weight @ attention.norm.bias)
    for parameter in (made.weight, made.bias):
        by_head = parameter.unflatten(0, (attention.num_heads, 3, HEAD_WIDTH))
        parts = by_head.transpose(0, 1).contiguous()
        parts[0].mul_(HEAD_WIDTH**-0.5)
        parameter.copy_(parts.flatten(0, 2))
    return made
