"""The graphs as the trainable network computes them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rapsam.models.promptable import Answer
from rapsam.models.sam.mask_decoder import enlarged_masks
from rapsam.models.sam.model import Sam
from rapsam.models.sam.prompt_encoder import EMPTY_SLOT
from rapsam.tasks.preprocess import IMAGENET


class PublishedEncoder(nn.Module):
    """Image (1, 3, H, W), 0..255, to its embedding (1, 256, H / 16, W / 16)."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: Sam) -> None:
        super().__init__()
        self.model = model
        like = model.prompt_encoder.no_mask
        self.register_buffer("mean", like.new_tensor(IMAGENET.mean).view(1, 3, 1, 1))
        self.register_buffer("std", like.new_tensor(IMAGENET.std).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Normalises and encodes."""
        return self.model.encode((image - self.mean) / self.std)


class PublishedDecoder(nn.Module):
    """Embedding and K prompts to four masks and IoUs each; no slot is empty, and every prompt has a mask."""

    def __init__(self, model: Sam, *, enlarged: bool = False) -> None:
        super().__init__()
        self.model = model
        self.enlarged = enlarged

    def forward(
        self, embedding: Tensor, points: Tensor, point_labels: Tensor, mask_prompt: Tensor
    ) -> tuple[Tensor, ...]:
        """Returns mask logits (1, K, 4, 4 h, 4 w), predicted IoU (1, K, 4), and if asked (1, K, 4, H, W)."""
        answer = self.model.answer(embedding, points[0], point_labels[0], mask_prompt[0])
        more = (enlarged_masks(answer.mask_logits),) if self.enlarged else ()
        return tuple(each.unsqueeze(0) for each in (*answer, *more))


def answer_slots(
    model: Sam, embedding: Tensor, points: Tensor, labels: Tensor, masks: Tensor, given: Tensor
) -> Answer:
    """Answers prompts in slots, each by itself: the trainable network knows no empty slots.

    Args:
        model: The network.
        embedding: (1, 256, h, w).
        points: (K, N, 2).
        labels: (K, N), some of them `EMPTY_SLOT`.
        masks: (K, 1, 4 h, 4 w).
        given: (K,), 1 where the mask counts.
    """
    answers = []
    for prompt in range(len(points)):
        filled = labels[prompt] != EMPTY_SLOT
        mask = masks[prompt][None] if bool(given[prompt]) else None
        answers.append(
            model.answer(embedding, points[prompt, filled][None], labels[prompt, filled][None], mask)
        )
    return Answer(*(torch.cat(parts) for parts in zip(*answers, strict=True)))
