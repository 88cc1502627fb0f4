"""The whole network: an image encoder, and what answers prompts on its embedding."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from rapsam.errors import InputError
from rapsam.models.promptable import Answer, Promptable
from rapsam.models.sam.config import SamConfig
from rapsam.models.sam.encoder import ImageEncoder
from rapsam.models.sam.layers import EMBEDDING_WIDTH
from rapsam.models.sam.mask_decoder import MaskDecoder
from rapsam.models.sam.prompt_encoder import PromptEncoder


class Sam(Promptable):
    """A network of the family, randomly initialised.

    Attributes:
        config: What it was built from.
        image_encoder: Images to embeddings.
        prompt_encoder: Prompts to tokens.
        mask_decoder: Embeddings and tokens to masks.
    """

    image_encoder: ImageEncoder
    prompt_encoder: PromptEncoder
    mask_decoder: MaskDecoder
    text_classifier = None

    def __init__(self, name: str, config: SamConfig) -> None:
        super().__init__(name)
        self.config = config
        self.image_encoder = config.encoder.build()
        self.prompt_encoder = PromptEncoder()
        self.mask_decoder = MaskDecoder()

    @property
    def fixed_side(self) -> int | None:
        """See `Promptable.fixed_side`."""
        return self.config.encoder.fixed_size

    def embedding_shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        """Returns channels, height and width of the embedding of an image of this size; see `encode`."""
        side, stride = self.config.encoder.fixed_size, self.image_encoder.stride
        if side is not None and max(size) > side:
            raise InputError(
                f"an image of {size[0]}x{size[1]} for {self.name}; expected at most {side}x{side}"
            )
        height, width = (side, side) if side is not None else size
        return EMBEDDING_WIDTH, height // stride, width // stride

    def encode(self, images: Tensor) -> Tensor:
        """Computes embeddings (B, 256, H / 16, W / 16) of normalised images (B, 3, H, W).

        A network of one size pads smaller images with zeros, as its authors do, to the right and below.

        Raises:
            InputError: If images are larger than the one size that the network takes.
        """
        height, width = images.shape[-2:]
        self.embedding_shape((height, width))
        side = self.config.encoder.fixed_size
        if side is not None:
            images = F.pad(images, (0, side - width, 0, side - height))
        # Other memory layouts take other convolution kernels, which round differently.
        return self.image_encoder(images.contiguous())  # type: ignore[no-any-return]

    def answer(
        self, embedding: Tensor, points: Tensor, labels: Tensor, mask_logits: Tensor | None = None
    ) -> Answer:
        """Answers B prompts on one image.

        Args:
            embedding: (1, 256, h, w), from `encode`.
            points: (B, N, 2) in pixels of the network's image; see `PromptEncoder.tokens`. N may be 0.
            labels: (B, N).
            mask_logits: (B, 1, 4 h, 4 w) of earlier answers; None for none.
        """
        height, width = embedding.shape[-2:]
        stride, prompts = self.image_encoder.stride, self.prompt_encoder
        tokens = prompts.tokens(points, labels, (height * stride, width * stride))
        dense = prompts.dense(mask_logits, (height, width))
        positions = prompts.position.grid((height, width))
        return self.mask_decoder(embedding, positions, tokens, dense)  # type: ignore[no-any-return]

    def test_sides(self, *, video: bool) -> tuple[int, int]:
        """Returns the (long, short) sides that images are resized to fit: a square."""
        del video
        side = self.config.encoder.fixed_size or (self.trained_sides or (self.config.side,))[0]
        return side, side
