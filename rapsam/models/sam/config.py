"""Shapes of the variants."""

from __future__ import annotations

from dataclasses import dataclass

from rapsam.models.sam.encoder import EncoderConfig
from rapsam.models.sam.repvit import RepVitConfig, Resampling
from rapsam.models.sam.tiny_vit import TinyVitConfig
from rapsam.models.sam.vit import VitConfig

TRAINED_SIDE = 1024
"""Side of the square that images were fitted into in training, in all published variants."""
_NANO_SIDE = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class SamConfig:
    """One network of the family.

    Attributes:
        encoder: Shape of the image encoder; all else is the same in all variants.
        trusts_iou: Whether its predicted IoU tells the best of several masks. That of EdgeSAM does not, as
            its authors say: they choose by how stable a mask is. Nothing that is trained here learns it.
        side: Of the square that images were fitted into in training.
        terms: What whoever loads published weights of it has to know; empty if nothing.
    """

    encoder: EncoderConfig
    trusts_iou: bool = True
    side: int = TRAINED_SIDE
    terms: str = ""


def _edge_sam(resampling: Resampling) -> SamConfig:
    return SamConfig(
        encoder=RepVitConfig(
            widths=(48, 96, 192, 384), depths=(3, 4, 16, 3), branches="normed apart", fused=resampling
        ),
        trusts_iou=False,
        terms="the published weights of EdgeSAM are for non-commercial use only (S-Lab License 1.0)",
    )


VARIANTS: dict[str, SamConfig] = {
    "sam_vit_h": SamConfig(encoder=VitConfig(width=1280, depth=32, num_heads=16)),
    "sam_vit_l": SamConfig(encoder=VitConfig(width=1024, depth=24, num_heads=16)),
    "sam_vit_b": SamConfig(encoder=VitConfig(width=768, depth=12, num_heads=12)),
    "repvit_sam": SamConfig(
        encoder=RepVitConfig(
            widths=(80, 160, 320, 640), depths=(7, 8, 36, 3), branches="normed together", fused=None
        )
    ),
    "mobile_sam": SamConfig(
        encoder=TinyVitConfig(
            widths=(64, 128, 160, 320),
            depths=(2, 2, 6, 2),
            windows=(7, 14, 7),
            strides=(2, 2, 1),
            fixed_size=TRAINED_SIDE,
        )
    ),
    "edge_sam": _edge_sam("bicubic"),
    "edge_sam_bilinear": _edge_sam("bilinear"),
    # Nobody published these two: a teacher and its student, small enough to be trained on a CPU.
    "repvit_sam_nano": SamConfig(
        encoder=RepVitConfig(
            widths=(32, 64, 128, 256), depths=(2, 3, 6, 2), branches="normed together", fused=None
        ),
        trusts_iou=False,
        side=_NANO_SIDE,
    ),
    "edge_sam_nano": SamConfig(
        encoder=RepVitConfig(
            widths=(16, 32, 64, 128), depths=(2, 2, 4, 2), branches="normed apart", fused="bilinear"
        ),
        trusts_iou=False,
        side=_NANO_SIDE,
    ),
}
