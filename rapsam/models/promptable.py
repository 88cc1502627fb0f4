"""What `rapsam.training` needs of a network that answers points, boxes and masks, whichever its family."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from rapsam.errors import InputError
from rapsam.models.network import SegmentationNetwork


class Answer(NamedTuple):
    """What the decoder says to B prompts.

    Attributes:
        mask_logits: (B, M, h, w), positive inside the mask; M masks of one prompt.
        iou: (B, M), predicted IoU of each mask with the region that is meant.
    """

    mask_logits: Tensor
    iou: Tensor


class Promptable(SegmentationNetwork):
    """A network whose encoder embeds an image, and whose decoder answers prompts on the embedding.

    Attributes:
        image_encoder: The only part that differs between relatives: a student has one of its own.
        prompt_encoder: Prompts to what the decoder takes.
        mask_decoder: Embedding and prompts to masks.
        clear_mask: The mask that is meant for prompts that leave no doubt.
    """

    image_encoder: nn.Module
    prompt_encoder: nn.Module
    mask_decoder: nn.Module
    clear_mask: ClassVar[int] = 0

    @property
    @abstractmethod
    def fixed_side(self) -> int | None:
        """Side of the only square image whose embedding has no padding; None if it takes any size."""

    @abstractmethod
    def embedding_shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        """Returns channels, height and width of the embedding of an image of this height and width.

        Raises:
            InputError: If the network does not take such images.
        """

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Computes embeddings (B, C, h, w) of normalised images (B, 3, H, W)."""

    @abstractmethod
    def answer(
        self, embedding: Tensor, points: Tensor, labels: Tensor, mask_logits: Tensor | None = None
    ) -> Answer:
        """Answers B prompts on one image.

        Args:
            embedding: (1, C, h, w), from `encode`.
            points: (B, N, 2) x, y in pixels of the network's image.
            labels: (B, N), as `rapsam.tasks.prompt_encoding` has them, without empty slots.
            mask_logits: (B, 1, h, w) of earlier answers; None for none.
        """


def promptable(network: nn.Module, name: str) -> Promptable:
    """Returns the same network, as one that answers points.

    Args:
        network: Of any family.
        name: Of the variant.

    Raises:
        InputError: If it is none.
    """
    if not isinstance(network, Promptable):
        raise InputError(
            f"model {name} answers no points on an image embedding; take one that does, as edge_sam"
        )
    return network
