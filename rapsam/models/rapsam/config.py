"""Shapes of the RAP-SAM variants."""

from __future__ import annotations

from dataclasses import dataclass

from rapsam.models.backbones.backbone import BackboneConfig
from rapsam.models.backbones.resnet import ResNetConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class RapSamConfig:
    """Shape of one RAP-SAM network.

    Attributes:
        backbone: Shape of the backbone, of any kind whose strides double from map to map, up to 32.
        aggregation_width: Channels of the aggregated pyramid.
        hidden_width: Channels of mask features and queries.
        ffn_width: Hidden channels of the feed-forward networks.
        num_heads: Attention heads.
        num_queries: Learned object queries.
        num_stages: Decoder stages before the adapters.
        embedding_width: Channels of the text embeddings that classify.
    """

    backbone: BackboneConfig
    aggregation_width: int = 128
    hidden_width: int = 256
    ffn_width: int = 2048
    num_heads: int = 8
    num_queries: int = 100
    num_stages: int = 3
    embedding_width: int = 768


VARIANTS: dict[str, RapSamConfig] = {
    "rapsam_r50": RapSamConfig(backbone=ResNetConfig(bottleneck=True, blocks=(3, 4, 6, 3))),
    "rapsam_r18": RapSamConfig(backbone=ResNetConfig(bottleneck=False, blocks=(2, 2, 2, 2))),
    "rapsam_nano": RapSamConfig(
        backbone=ResNetConfig(bottleneck=False, blocks=(2, 2, 2, 2), width=32),
        aggregation_width=64,
        hidden_width=128,
        ffn_width=384,
    ),
}
