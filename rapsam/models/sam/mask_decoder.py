"""The decoder: tokens and image attend to each other, then tokens become kernels of masks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.models.promptable import Answer
from rapsam.models.sam.attention import Attention
from rapsam.models.sam.layers import EMBEDDING_WIDTH, LayerNorm2d
from rapsam.models.sam.prompt_encoder import MASK_STRIDE

# Legend: B prompts, N tokens, P pixels of the embedding, C channels (256).

NUM_MASKS = 4
"""Masks of one prompt. 0 is meant for prompts that leave no doubt; 1 to 3 for one click, which may mean a
whole, a part of it, or a part of that."""
MASK_WIDTH = 32
"""Channels of the map that masks are made from."""
_MLP_WIDTH = 2048
_CROSS_WIDTH = EMBEDDING_WIDTH // 2


class TwoWayLayer(nn.Module):
    """Self-attention of the tokens, attention to the image, a small network, attention of the image to them.

    Args:
        first: Whether it is the first layer, whose self-attention replaces the tokens: they are what is
            added as positions in the others.
    """

    def __init__(self, *, first: bool) -> None:
        super().__init__()
        self.first = first
        self.self_attention = Attention(EMBEDDING_WIDTH)
        self.self_norm = nn.LayerNorm(EMBEDDING_WIDTH)
        self.token_attention = Attention(_CROSS_WIDTH)
        self.token_norm = nn.LayerNorm(EMBEDDING_WIDTH)
        self.mlp = nn.Sequential(
            nn.Linear(EMBEDDING_WIDTH, _MLP_WIDTH), nn.ReLU(), nn.Linear(_MLP_WIDTH, EMBEDDING_WIDTH)
        )
        self.mlp_norm = nn.LayerNorm(EMBEDDING_WIDTH)
        self.image_attention = Attention(_CROSS_WIDTH)
        self.image_norm = nn.LayerNorm(EMBEDDING_WIDTH)

    def forward(
        self, tokens: Tensor, image: Tensor, token_positions: Tensor, image_positions: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Updates both sides.

        Args:
            tokens: (B, N, C).
            image: (B, P, C).
            token_positions: (B, N, C), the tokens as they were at first.
            image_positions: (1, P, C).

        Returns:
            Tokens (B, N, C) and image (B, P, C).
        """
        if self.first:
            tokens = self.self_attention(tokens, tokens, tokens)
        else:
            placed = tokens + token_positions
            tokens = tokens + self.self_attention(placed, placed, tokens)
        tokens = self.self_norm(tokens)
        seen = self.token_attention(tokens + token_positions, image + image_positions, image)
        tokens = self.token_norm(tokens + seen)
        tokens = self.mlp_norm(tokens + self.mlp(tokens))
        told = self.image_attention(image + image_positions, tokens + token_positions, tokens)
        return tokens, self.image_norm(image + told)


class MaskDecoder(nn.Module):
    """Four masks with a predicted IoU each for every prompt.

    Attributes:
        iou_token: (1, 256), the token that becomes the IoU of all masks.
        mask_tokens: (4, 256), the tokens that become kernels.
        layers: Two of `TwoWayLayer`.
        upscaling: The image from stride 16 to stride 4.
        kernel_mlps: One for each mask.
        iou_head: From the token to four numbers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.iou_token = nn.Parameter(torch.randn(1, EMBEDDING_WIDTH))
        self.mask_tokens = nn.Parameter(torch.randn(NUM_MASKS, EMBEDDING_WIDTH))
        self.layers = nn.ModuleList([TwoWayLayer(first=True), TwoWayLayer(first=False)])
        self.final_attention = Attention(_CROSS_WIDTH)
        self.final_norm = nn.LayerNorm(EMBEDDING_WIDTH)
        self.upscaling = nn.Sequential(
            nn.ConvTranspose2d(EMBEDDING_WIDTH, 2 * MASK_WIDTH, 2, 2),
            LayerNorm2d(2 * MASK_WIDTH),
            nn.GELU(),
            nn.ConvTranspose2d(2 * MASK_WIDTH, MASK_WIDTH, 2, 2),
            nn.GELU(),
        )
        self.kernel_mlps = nn.ModuleList(_mlp(MASK_WIDTH) for _ in range(NUM_MASKS))
        self.iou_head = _mlp(NUM_MASKS)

    def forward(self, embedding: Tensor, positions: Tensor, prompts: Tensor, dense: Tensor) -> Answer:
        """Answers prompts with masks (B, 4, 4 h, 4 w) and predicted IoUs (B, 4).

        Args:
            embedding: (1, 256, h, w) of the image.
            positions: (1, 256, h, w), `PositionEncoding.grid`.
            prompts: (B, N, 256) tokens, N may be 0.
            dense: (B or 1, 256, h, w), see `PromptEncoder.dense`.
        """
        learned = torch.cat([self.iou_token, self.mask_tokens])
        tokens = torch.cat([learned.expand(len(prompts), -1, -1), prompts], dim=1)
        image = pixels_of(embedding + dense).expand(len(prompts), -1, -1)
        tokens, image = self.attend(tokens, image, pixels_of(positions))
        kernels = self.kernels(tokens[:, 1 : 1 + NUM_MASKS])
        features = self.upscaling(image.transpose(1, 2).unflatten(-1, embedding.shape[-2:]))
        masks = (kernels @ features.flatten(2)).unflatten(-1, features.shape[-2:])
        return Answer(masks, self.iou_head(tokens[:, 0]))

    def attend(self, tokens: Tensor, image: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Lets tokens (B, N, C) and image (B, P, C) attend to each other; positions are (1, P, C)."""
        start = tokens
        for layer in self.layers:
            tokens, image = layer(tokens, image, start, positions)
        seen = self.final_attention(tokens + start, image + positions, image)
        return self.final_norm(tokens + seen), image

    def kernels(self, mask_tokens: Tensor) -> Tensor:
        """Makes the kernels (B, 4, 32) of masks from their tokens (B, 4, 256)."""
        made = [mlp(mask_tokens[:, i]) for i, mlp in enumerate(self.kernel_mlps)]
        return torch.stack(made, dim=1)


def enlarged_masks(mask_logits: Tensor) -> Tensor:
    """Enlarges mask logits (B, 4, 4 h, 4 w) to the sides of the network's image, bilinearly: (B, 4, H, W)."""
    return F.interpolate(mask_logits, scale_factor=MASK_STRIDE, mode="bilinear", align_corners=False)


def pixels_of(x: Tensor) -> Tensor:
    """Makes vectors (B, P, C) of a map (B, C, h, w)."""
    return x.flatten(2).transpose(1, 2)


def _mlp(outputs: int) -> nn.Sequential:
    width = EMBEDDING_WIDTH
    return nn.Sequential(
        nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs)
    )
