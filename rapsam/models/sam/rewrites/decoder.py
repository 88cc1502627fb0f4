"""The decoder for a fixed number of slots and one size of embedding."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from rapsam.models.sam.mask_decoder import NUM_MASKS, MaskDecoder, TwoWayLayer, pixels_of
from rapsam.models.sam.rewrites.cross_attention import ImageToTokens, MaskedSelfAttention, TokensToImage
from rapsam.models.sam.rewrites.upscaling import DeployedUpscaling

# Legend: B prompts, T tokens, P pixels of the embedding, C channels (256).

LEARNED_TOKENS = 1 + NUM_MASKS


class DeployedLayer(nn.Module):
    """`TwoWayLayer` with attention that sees no empty slot.

    Args:
        layer: The trained layer.
    """

    def __init__(self, layer: TwoWayLayer) -> None:
        super().__init__()
        self.first = layer.first
        self.self_attention = MaskedSelfAttention(layer.self_attention)
        self.self_norm = copy.deepcopy(layer.self_norm)
        self.token_attention = TokensToImage(layer.token_attention)
        self.token_norm = copy.deepcopy(layer.token_norm)
        self.mlp = copy.deepcopy(layer.mlp)
        self.mlp_norm = copy.deepcopy(layer.mlp_norm)
        self.image_attention = ImageToTokens(layer.image_attention)
        self.image_norm = copy.deepcopy(layer.image_norm)

    def forward(
        self, tokens: Tensor, image: Tensor, start: Tensor, positions: Tensor, hidden: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Updates both sides.

        Args:
            tokens: (B, T, C).
            image: (B, 1, P, C).
            start: (B, T, C), the tokens as they were at first.
            positions: (1, 1, P, C).
            hidden: (B, 1, 1, T), see `SlotTokens`.

        Returns:
            Tokens (B, T, C), of empty slots without meaning, and image (B, 1, P, C).
        """
        if self.first:
            tokens = self.self_attention(tokens, tokens, hidden)
        else:
            tokens = tokens + self.self_attention(tokens + start, tokens, hidden)
        tokens = self.self_norm(tokens)
        placed = image + positions
        tokens = self.token_norm(tokens + self.token_attention(tokens + start, placed, image))
        tokens = self.mlp_norm(tokens + self.mlp(tokens))
        told = self.image_attention(placed, tokens + start, tokens, hidden)
        return tokens, self.image_norm(image + told)


class DeployedDecoder(nn.Module):
    """`MaskDecoder` with the places of the pixels as a constant.

    Args:
        decoder: The trained decoder.
        positions: (1, 256, h, w), `PositionEncoding.grid`.
    """

    learned: Tensor
    positions: Tensor

    def __init__(self, decoder: MaskDecoder, positions: Tensor) -> None:
        super().__init__()
        learned = torch.cat([decoder.iou_token, decoder.mask_tokens]).detach()
        self.register_buffer("learned", learned.unsqueeze(0).clone())
        self.register_buffer("positions", pixels_of(positions.detach()).unsqueeze(1).clone())
        self.layers = nn.ModuleList(DeployedLayer(layer) for layer in decoder.layers)  # type: ignore[arg-type]
        self.final_attention = TokensToImage(decoder.final_attention)
        self.final_norm = copy.deepcopy(decoder.final_norm)
        self.kernel_mlps = copy.deepcopy(decoder.kernel_mlps)
        self.upscaling = DeployedUpscaling(decoder, (positions.shape[2], positions.shape[3]))
        self.iou_head = copy.deepcopy(decoder.iou_head)

    def forward(self, image: Tensor, prompts: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Answers prompts.

        Args:
            image: (B, 256, h, w), the embedding of the image and what masks add to it.
            prompts: (B, N, 256), tokens of the slots.
            hidden: (B, 1, 1, 5 + N), see `SlotTokens`.

        Returns:
            Mask logits (B, 4, 4 h, 4 w) and predicted IoU (B, 4).
        """
        start = torch.cat([self.learned.expand(len(prompts), -1, -1), prompts], dim=1)
        tokens, pixels = start, pixels_of(image).unsqueeze(1)
        for layer in self.layers:
            tokens, pixels = layer(tokens, pixels, start, self.positions, hidden)
        seen = self.final_attention(tokens + start, pixels + self.positions, pixels)
        # What slots say is no longer asked.
        tokens = self.final_norm((tokens + seen)[:, :LEARNED_TOKENS])
        kernels = [mlp(tokens[:, 1 + place]) for place, mlp in enumerate(self.kernel_mlps)]
        masks = self.upscaling(pixels, torch.stack(kernels, dim=1).unsqueeze(1))
        return masks, self.iou_head(tokens[:, 0])
