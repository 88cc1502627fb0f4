"""What `rapsam.training` needs of a network, whichever its family."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from rapsam.errors import InputError
from rapsam.models.backbones.backbone import BackboneConfig
from rapsam.models.network import SegmentationNetwork
from rapsam.models.parts import PartRole
from rapsam.models.text_classifier import TextClassifier


@dataclass(frozen=True, slots=True)
class StageOutput:
    """What one stage of a decoder, or its last step, predicts for queries.

    Attributes:
        class_logits: (B, Q, K + 1), void last.
        mask_logits: (B, Q, h, w) at the mask stride; (B, Q, T, h, w) for clips.
        iou: (B, Q), predicted mask IoU, raw.
        queries: (B, Q, C).
    """

    class_logits: Tensor
    mask_logits: Tensor
    iou: Tensor
    queries: Tensor


class Trainable(SegmentationNetwork):
    """A network that finds objects by queries, and segments prompts, on the same mask features.

    Its submodules `backbone` and `neck` make the mask features. Everything that it returns is differentiable.

    Attributes:
        backbone: Maps normalised images to the maps of `backbone_config`; has a learning rate of its own.
        backbone_config: What the backbone was built from.
        neck: Maps these to mask features; its batch norms learn apart from those of the backbone.
        text_classifier: Names the classes; no part of the state dict.
        parts: Modules with a role: role to a regular expression, found in modules' names.
        rewritten: Regular expression, found in the names of modules that deployable graphs compute otherwise:
            merged with others, on numbers of another size, or not at all. Training for few bits leaves them
            float.
    """

    backbone: nn.Module
    backbone_config: BackboneConfig
    neck: nn.Module
    text_classifier: TextClassifier
    parts: ClassVar[Mapping[PartRole, str]] = {}
    rewritten: ClassVar[str] = r"(?!)"

    @property
    @abstractmethod
    def num_queries(self) -> int:
        """Queries of the object mode."""

    @property
    @abstractmethod
    def feature_width(self) -> int:
        """Channels of mask features and queries."""

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Computes mask features (B, C, h, w) of normalised images (B, 3, H, W)."""

    @abstractmethod
    def detect(self, features: Tensor, num_frames: int | None = None) -> tuple[StageOutput, ...]:
        """Finds objects in mask features (B * T, C, h, w).

        Args:
            features: As `encode` returns them.
            num_frames: T, or None for single images.

        Returns:
            Outputs of all stages; the last is the prediction.
        """

    @abstractmethod
    def segment(self, features: Tensor, boxes: Tensor) -> tuple[StageOutput, ...]:
        """Segments prompts on mask features (B, C, h, w).

        Args:
            features: As `encode` returns them.
            boxes: (B, K, 4) x1, y1, x2, y2 in fractions of the unpadded images.

        Returns:
            As `detect`, with a query for each prompt.
        """

    @abstractmethod
    def first_prompt_masks(self, features: Tensor, boxes: Tensor) -> Tensor:
        """Computes the mask logits (B, K, h, w) of prompts before the first stage; arguments as `segment`."""

    @abstractmethod
    def separate_prompts(self) -> None:
        """Scales random weights so that prompts at different places start as different queries.

        For a network without trained weights.
        """


def trainable(network: nn.Module, name: str) -> Trainable:
    """Returns the same network, as one that can be trained.

    Args:
        network: Of any family.
        name: Of the variant.

    Raises:
        InputError: If its family cannot be trained here.
    """
    if not isinstance(network, Trainable):
        raise InputError(f"model {name} cannot be trained by this toolkit; take one of a family that can")
    return network
