"""Prompts in a fixed number of slots, some of which may be empty."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rapsam.models.sam.layers import EMBEDDING_WIDTH
from rapsam.models.sam.prompt_encoder import (
    EMPTY_SLOT,
    LABELS,
    PADDING_POINT,
    PIXEL_CENTRE,
    PromptEncoder,
)
from rapsam.models.sam.rewrites.norms import deployed_norms

# Legend: B prompts, N slots.

_HIDDEN = -1e4
"""Added to scores of what must not be seen: its weight is 0 in any precision, and 16 bits can hold it."""


class SlotTokens(nn.Module):
    """Points and labels to tokens, and what hides the empty slots.

    The way from pixels to angles is one matrix, composed in float64. Labels choose their embeddings without
    comparisons: for integers, max(0, 1 - |a - b|) is 1 where they are equal and 0 elsewhere.

    Args:
        encoder: The trained encoder.
        image_size: Height and width of the network's image.
        learned: Tokens of the decoder that stand before those of the slots, and are always seen.
    """

    embeddings: Tensor
    labels: Tensor

    def __init__(self, encoder: PromptEncoder, image_size: tuple[int, int], learned: int) -> None:
        super().__init__()
        self.learned = learned
        self.position = _angles(encoder, image_size)
        by_label = [encoder.padding_point, *encoder.point_embeddings]
        self.register_buffer("embeddings", torch.cat([each.detach() for each in by_label]))
        self.register_buffer("labels", self.embeddings.new_tensor(LABELS))

    def forward(self, points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Makes tokens.

        Args:
            points: (B, N, 2) in pixels of the network's image.
            labels: (B, N), `LABELS` or `EMPTY_SLOT`.

        Returns:
            Tokens (B, N, 256), and (B, 1, 1, learned + N) to add to scores of those who look at all tokens.
        """
        labels = labels.unsqueeze(-1)
        angles = self.position(points)
        places = torch.cat([angles.sin(), angles.cos()], dim=-1)
        empty, padding = _is(labels, EMPTY_SLOT), _is(labels, PADDING_POINT)
        tokens = places * (1 - empty - padding) + _is(labels, self.labels) @ self.embeddings
        hidden = nn.functional.pad(empty.squeeze(-1) * _HIDDEN, (self.learned, 0))
        return tokens, hidden.unsqueeze(1).unsqueeze(1)


class DenseMap(nn.Module):
    """Masks, or that there are none, to the map that is added to the embedding.

    The map of a mask, less that of none, is added where a mask is given; the difference is in the bias of the
    last layer. Core ML Tools 9 would put it there too, and change the sign of the constant for all its users.

    Args:
        encoder: The trained encoder.
    """

    no_mask: Tensor

    def __init__(self, encoder: PromptEncoder) -> None:
        super().__init__()
        self.mask_downscaling = deployed_norms(encoder.mask_downscaling)
        self.register_buffer("no_mask", encoder.no_mask.detach().reshape(1, EMBEDDING_WIDTH, 1, 1).clone())
        last = self.mask_downscaling[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        with torch.no_grad():
            last.bias.sub_(self.no_mask.flatten())

    def forward(self, masks: Tensor, given: Tensor) -> Tensor:
        """Makes the map.

        Args:
            masks: (B, 1, 4 h, 4 w) mask logits; anything where none is given.
            given: (B, 1, 1, 1), 1 where a mask is given, else 0.

        Returns:
            (B, 256, h, w).
        """
        added: Tensor = self.mask_downscaling(masks)
        return self.no_mask + given * added


def _angles(encoder: PromptEncoder, image_size: tuple[int, int]) -> nn.Linear:
    """Makes the layer from pixels to angles: 2 pi (2 (p + 0.5) / side - 1) . frequencies."""
    frequencies = encoder.position.frequencies.detach()
    height, width = image_size
    sides = torch.tensor([width, height], dtype=torch.float64, device=frequencies.device)
    waves = 2 * math.pi * frequencies.double().T
    made = nn.Linear(2, len(waves), dtype=frequencies.dtype)
    with torch.no_grad():
        made.weight.copy_(waves * (2 / sides))
        made.bias.copy_(waves @ (2 * PIXEL_CENTRE / sides - 1))
    return made


def _is(labels: Tensor, wanted: float | Tensor) -> Tensor:
    """Returns 1 where integers in floats are equal, else 0."""
    return torch.relu(1 - (labels - wanted).abs())
