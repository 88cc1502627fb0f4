"""The graphs as the trainable network computes them, heads that nobody reads included."""

from __future__ import annotations

from torch import Tensor, nn

from rapsam.models.rapsam.model import RapSam
from rapsam.tasks.preprocess import MEAN, STD


class PublishedEncoder(nn.Module):
    """Image (B, 3, H, W), 0..255, to mask features (B, C, h, w)."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: RapSam) -> None:
        super().__init__()
        self.model = model
        like = model.neck.feature_conv.weight
        self.register_buffer("mean", like.new_tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", like.new_tensor(STD).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Normalises and encodes."""
        return self.model.encode(self.normalised(image))

    def normalised(self, image: Tensor) -> Tensor:
        """Subtracts the mean colour and divides by the deviation."""
        return (image - self.mean) / self.std


class PublishedPanoptic(nn.Module):
    """Mask features to class logits (B, Q, K + 1), mask logits (B, Q, h, w) and queries (B, Q, C)."""

    def __init__(self, model: RapSam) -> None:
        super().__init__()
        self.decoder = model.decoder
        self.classifier = model.text_classifier

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Runs the decoder in object mode."""
        final = self.decoder.detect(features.flatten(2), self.classifier)[-1]
        return final.class_logits, final.mask_logits.unflatten(-1, features.shape[-2:]), final.queries


class PublishedPrompt(nn.Module):
    """Mask features and boxes (B, K, 4) to mask logits (B, K, h, w) and predicted IoU (B, K)."""

    def __init__(self, model: RapSam) -> None:
        super().__init__()
        self.encoder = model.prompt_encoder
        self.decoder = model.decoder
        self.classifier = model.text_classifier

    def forward(self, features: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Runs the decoder in prompt mode."""
        prompts = self.encoder(boxes)
        final = self.decoder.segment_prompts(prompts, features.flatten(2), self.classifier)[-1]
        return final.mask_logits.unflatten(-1, features.shape[-2:]), final.iou


class PublishedPanopticImage(nn.Module):
    """Image to panoptic outputs."""

    def __init__(self, model: RapSam) -> None:
        super().__init__()
        self.encoder = PublishedEncoder(model)
        self.panoptic = PublishedPanoptic(model)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `PublishedPanoptic`, from an image (B, 3, H, W), 0..255."""
        return self.panoptic(self.encoder(image))  # type: ignore[no-any-return]
