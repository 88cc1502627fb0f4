"""Small networks of every kind of the family, with weights by formula: no norm or bias is neutral."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch

from rapsam.models.family import Family
from rapsam.models.sam.config import SamConfig
from rapsam.models.sam.family import SAM
from rapsam.models.sam.formula import formula_state_dict
from rapsam.models.sam.model import Sam
from rapsam.models.sam.repvit import RepVitConfig
from rapsam.models.sam.tiny_vit import TinyVitConfig
from rapsam.models.sam.vit import VitConfig

WIDTHS, DEPTHS = (16, 24, 32, 48), (3, 2, 4, 3)
SIDE, FREE_SIZE = 96, (96, 64)
ENCODERS = {
    "repvit": RepVitConfig(widths=WIDTHS, depths=DEPTHS, branches="normed together", fused=None),
    "edge": RepVitConfig(widths=WIDTHS, depths=DEPTHS, branches="normed apart", fused="bicubic"),
    "edge bilinear": RepVitConfig(widths=WIDTHS, depths=DEPTHS, branches="normed apart", fused="bilinear"),
    "tiny": TinyVitConfig(
        widths=(32, 64, 64, 96),
        depths=(1, 2, 2, 1),
        windows=(7, 4, 6),
        strides=(2, 2, 1),
        fixed_size=SIDE,
    ),
    # Six tokens a side: windows of four do not fit, and are padded.
    "vit": VitConfig(width=32, depth=4, num_heads=2, window=4, fixed_size=SIDE),
}
SIZES = {name: (SIDE, SIDE) if config.fixed_size else FREE_SIZE for name, config in ENCODERS.items()}


def small_sam(name: str, dtype: torch.dtype = torch.float32) -> Sam:
    model = without_memory(name)
    model.load_state_dict({key: tensor.clone() for key, tensor in _weights(name).items()}, assign=True)
    return model.eval().to(dtype)


def small_family() -> Family:
    """The family with these networks in the place of its own."""
    return replace(
        SAM,
        variants=tuple(ENCODERS),
        build=lambda name, _: without_memory(name),
        facts=lambda _: {},
        terms=lambda _: "",
        default_size=lambda _: (SIDE, SIDE),
    )


def without_memory(name: str) -> Sam:
    with torch.device("meta"):
        return Sam(name, SamConfig(encoder=ENCODERS[name]))


@cache
def _weights(name: str) -> dict[str, torch.Tensor]:
    return formula_state_dict(without_memory(name).state_dict())
