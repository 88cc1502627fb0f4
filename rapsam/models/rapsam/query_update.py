"""How queries take up what their masks cover: hard-mask pooling and the gated update of K-Net."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Legend: B batch, Q queries, C hidden channels, P pixels (of all frames of a clip).


class HardMaskPool(nn.Module):
    """Sums the mask features over the pixels where a mask logit is positive.

    A plain sum times `scale`, no division by the area. Gradients reach the features only.
    """

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, features_BCP: Tensor, mask_logits_BQP: Tensor) -> Tensor:
        """Pools to (B, Q, C); an empty mask gives zeros."""
        # Scaling the mask and not the sum keeps every partial sum within the range of fp16.
        mask = (mask_logits_BQP > 0).to(features_BCP.dtype)
        if self.scale != 1.0:
            mask = mask * self.scale
        return mask @ features_BCP.transpose(1, 2)


class QueryUpdate(nn.Module):
    """Gated update of queries by pooled features (the kernel updator of K-Net, Zhang et al., 2021)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pooled_proj = nn.Linear(width, 2 * width)
        self.query_proj = nn.Linear(width, 2 * width)
        self.query_gate = nn.Linear(width, width)
        self.pooled_gate = nn.Linear(width, width)
        self.query_gate_norm = nn.LayerNorm(width)
        self.pooled_gate_norm = nn.LayerNorm(width)
        self.query_norm = nn.LayerNorm(width)
        self.pooled_norm = nn.LayerNorm(width)
        self.out_proj = nn.Linear(width, width)
        self.out_norm = nn.LayerNorm(width)

    def forward(self, queries: Tensor, pooled: Tensor) -> Tensor:
        """Updates queries (B, Q, C) by pooled features (B, Q, C); there is no residual."""
        pooled_in, pooled_out = self.pooled_proj(pooled).chunk(2, dim=-1)
        query_in, query_out = self.query_proj(queries).chunk(2, dim=-1)
        product = query_in * pooled_in
        query_gate = self.query_gate_norm(self.query_gate(product)).sigmoid()
        pooled_gate = self.pooled_gate_norm(self.pooled_gate(product)).sigmoid()
        mixed = pooled_gate * self.pooled_norm(pooled_out) + query_gate * self.query_norm(query_out)
        return torch.relu(self.out_norm(self.out_proj(mixed)))
