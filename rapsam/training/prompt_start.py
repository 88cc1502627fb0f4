"""Where prompts start from when the whole network starts from random weights."""

from __future__ import annotations

import torch
from torch import nn

from rapsam.models.rapsam.prompt_encoder import PromptEncoder

_GRID = 16
_CLICK = 0.02
_LEARNED_STD = 0.02


@torch.no_grad()
def tell_prompts_apart(encoder: PromptEncoder) -> None:
    """Scales random weights so that queries of clicks differ by about 1 per channel and have a mean near 0.

    As published, the two learned vectors that all prompts share are 15 times as long as what tells the
    prompts apart, and a norm follows: the place of a click hardly counts at first. Trained weights have
    overcome that; they must not be touched.
    """
    nn.init.normal_(encoder.type_embedding.weight, std=_LEARNED_STD)
    nn.init.normal_(encoder.mask_token.weight, std=_LEARNED_STD)
    projection = encoder.position_proj
    nn.init.normal_(projection.weight)
    projection.bias.zero_()
    queries = encoder(_clicks())[0] - encoder.type_embedding.weight[1] - encoder.mask_token.weight[0]
    scale = 1 / queries.std(dim=0).mean()
    projection.weight.mul_(scale)
    projection.bias.copy_(-scale * queries.mean(dim=0))


def _clicks() -> torch.Tensor:
    """Small boxes (1, n, 4) all over the image."""
    ticks = (torch.arange(_GRID) + 0.5) / _GRID
    centres = torch.cartesian_prod(ticks, ticks)
    return torch.cat([centres - _CLICK / 2, centres + _CLICK / 2], dim=1)[None]
