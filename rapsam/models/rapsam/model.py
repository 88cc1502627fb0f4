"""RAP-SAM (RMP-SAM, Xu et al., 2024): panoptic images, video instances and prompts in one network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor, nn

from rapsam.errors import InputError
from rapsam.models.backbones.backbone import BackboneConfig
from rapsam.models.rapsam.decoder import Decoder, mask_product
from rapsam.models.rapsam.neck import PyramidNeck
from rapsam.models.rapsam.parts import PARTS, REWRITTEN
from rapsam.models.rapsam.prompt_encoder import PromptEncoder
from rapsam.models.text_classifier import TextClassifier
from rapsam.models.trainable import StageOutput, Trainable
from rapsam.tasks.preprocess import COCO_TEST_SIZE, VIDEO_TEST_SIZE, check_network_size
from rapsam.tasks.prompt import POINT_RADIUS

ImageSizes: TypeAlias = Sequence[tuple[int, int]] | tuple[int, int]


@dataclass(frozen=True, slots=True)
class RapSamOutput:
    """What a forward pass returns.

    Attributes:
        stages: Outputs of the three decoder stages, then of the adapter; the last is the prediction.
        initial_mask_logits: Mask logits of the queries before stage 0, shaped as in the stages.
        features: Mask features (B * T, C, h, w) at the mask stride.
    """

    stages: tuple[StageOutput, ...]
    initial_mask_logits: Tensor
    features: Tensor


class RapSam(Trainable):
    """One network in two modes: object queries (images, clips) or visual prompts."""

    neck: PyramidNeck
    parts = PARTS
    rewritten = REWRITTEN

    def __init__(
        self,
        name: str,
        backbone: nn.Module,
        backbone_config: BackboneConfig,
        neck: PyramidNeck,
        decoder: Decoder,
        prompt_encoder: PromptEncoder,
        text_classifier: TextClassifier,
    ) -> None:
        super().__init__(name)
        self.backbone = backbone
        self.backbone_config = backbone_config
        self.neck = neck
        self.decoder = decoder
        self.prompt_encoder = prompt_encoder
        self.text_classifier = text_classifier

    def forward(
        self,
        images: Tensor,
        prompts: Tensor | None = None,
        *,
        image_sizes: ImageSizes | None = None,
        num_frames: int | None = None,
    ) -> RapSamOutput:
        """Segments images, clips, or prompted regions.

        Args:
            images: (B, 3, H, W) RGB, normalised, then zero-padded right and below; H and W multiples of
                32. With `num_frames` T the batch holds B clips of T consecutive frames: (B * T, 3, H, W).
            prompts: Boxes (B, K, 4) as x1, y1, x2, y2, or points (B, K, 2) as x, y, in pixels of the
                unpadded image. Given prompts, the network segments these instead of objects.
            image_sizes: (height, width) of each image without padding, B of them, or one pair for all;
                None if no image is padded. Used by prompts only.
            num_frames: Frames per clip, or None for single images.

        Returns:
            Per-stage outputs, all differentiable.

        Raises:
            InputError: If shapes do not fit together.
        """
        _check_images(images, num_frames)
        # Contiguous NCHW: convolution kernels for other memory layouts round differently, and one flipped
        # pixel of a hard mask moves a query.
        features = self.encode(images.contiguous())
        if prompts is None:
            start = self.decoder.object_queries.weight.expand(len(features) // (num_frames or 1), -1, -1)
            stages = self.detect(features, num_frames)
        else:
            if num_frames is not None:
                raise InputError(f"num_frames={num_frames} with prompts; prompts work on single images only")
            boxes = prompt_fractions(prompts, images, image_sizes)
            start = self.prompt_encoder(boxes)
            stages = self.segment(features, boxes)
        return RapSamOutput(
            stages=stages,
            initial_mask_logits=self.initial_masks(start, features, num_frames),
            features=features,
        )

    @property
    def mask_stride(self) -> int:
        """Pixels of the image, along one side, to a pixel of mask features and mask logits."""
        return self.backbone_config.strides[0]

    @property
    def num_queries(self) -> int:
        """Learned object queries."""
        return self.decoder.object_queries.num_embeddings

    @property
    def feature_width(self) -> int:
        """Channels of mask features and queries."""
        return self.decoder.object_queries.embedding_dim

    def test_sides(self, *, video: bool) -> tuple[int, int]:
        """Returns the (long, short) sides that images are resized to fit: as in training, or as published."""
        return self.trained_sides or (VIDEO_TEST_SIZE if video else COCO_TEST_SIZE)

    def encode(self, images: Tensor) -> Tensor:
        """Computes mask features (B, C, h, w) of normalised images (B, 3, H, W)."""
        return self.neck(self.backbone(images))  # type: ignore[no-any-return]

    def initial_masks(self, queries: Tensor, features: Tensor, num_frames: int | None = None) -> Tensor:
        """Computes the mask logits (B, Q, h, w), of clips (B, Q, T, h, w), from which stage 0 pools.

        Args:
            queries: (B, Q, C), of learned objects or of prompts.
            features: (B * T, C, h, w) as `encode` returns them.
            num_frames: T, or None for single images.
        """
        logits = mask_product(queries, _flatten(features, num_frames or 1))
        return logits.unflatten(-1, _mask_shape(features, num_frames))  # type: ignore[no-any-return]

    def detect(self, features: Tensor, num_frames: int | None = None) -> tuple[StageOutput, ...]:
        """Finds objects in mask features (B * T, C, h, w): outputs of the stages, then of the adapter."""
        pixels = _flatten(features, num_frames or 1)
        outputs = self.decoder.detect(pixels, self.text_classifier)
        return _unflattened(outputs, _mask_shape(features, num_frames))

    def segment(self, features: Tensor, boxes: Tensor) -> tuple[StageOutput, ...]:
        """Segments prompts on mask features (B, C, h, w).

        Args:
            features: As `encode` returns them.
            boxes: (B, K, 4) x1, y1, x2, y2 in fractions of the unpadded images.
        """
        pixels = _flatten(features, 1)
        outputs = self.decoder.segment_prompts(self.prompt_encoder(boxes), pixels, self.text_classifier)
        return _unflattened(outputs, _mask_shape(features, None))

    def first_prompt_masks(self, features: Tensor, boxes: Tensor) -> Tensor:
        """Computes the mask logits (B, K, h, w) of prompts from which stage 0 pools."""
        return self.initial_masks(self.prompt_encoder(boxes), features)

    def separate_prompts(self) -> None:
        """See `PromptEncoder.separate_prompts`."""
        self.prompt_encoder.separate_prompts()


def prompt_fractions(prompts: Tensor, images: Tensor, image_sizes: ImageSizes | None) -> Tensor:
    """Converts prompts in pixels to boxes (B, K, 4) in fractions of the unpadded images.

    Raises:
        InputError: If prompts or image sizes do not fit the batch.
    """
    batch = images.shape[0]
    if prompts.dim() != 3 or prompts.shape[0] != batch or prompts.shape[-1] not in (2, 4):
        raise InputError(
            f"prompts have shape {list(prompts.shape)}; "
            f"expected [{batch}, K, 4] boxes or [{batch}, K, 2] points"
        )
    sizes = _size_pairs(image_sizes, images)
    boxes = prompts.to(images.device, torch.float32)
    if not bool(torch.isfinite(boxes).all()):
        raise InputError("prompts hold NaN or infinite coordinates; expected pixels of the unpadded image")
    if boxes.shape[-1] == 2:
        boxes = torch.cat([boxes - POINT_RADIUS, boxes + POINT_RADIUS], dim=-1)
    scale = torch.tensor([[w, h, w, h] for h, w in sizes], dtype=boxes.dtype, device=boxes.device)
    return boxes / scale[:, None]


def _size_pairs(image_sizes: ImageSizes | None, images: Tensor) -> list[tuple[int, int]]:
    batch = images.shape[0]
    if image_sizes is None:
        return [(images.shape[-2], images.shape[-1])] * batch
    given = torch.as_tensor(image_sizes)
    pairs = given.reshape(-1, given.shape[-1]).tolist() if given.numel() else []
    for pair in pairs:
        if len(pair) != 2 or not (0 < pair[0] <= images.shape[-2] and 0 < pair[1] <= images.shape[-1]):
            raise InputError(
                f"image size {tuple(pair)}; expected (height, width) within {tuple(images.shape[-2:])}"
            )
    if len(pairs) == 1:
        pairs *= batch
    if len(pairs) != batch:
        raise InputError(f"{len(pairs)} image sizes for {batch} images; expected one (height, width) each")
    return [(height, width) for height, width in pairs]


def _check_images(images: Tensor, num_frames: int | None) -> None:
    if images.dim() != 4 or images.shape[1] != 3 or not len(images) or not images.is_floating_point():
        raise InputError(
            f"images are {images.dtype} {list(images.shape)}; expected normalised floats [B, 3, H, W]"
        )
    check_network_size((images.shape[-2], images.shape[-1]))
    if num_frames is not None and (num_frames < 1 or images.shape[0] % num_frames):
        raise InputError(f"{images.shape[0]} images cannot be cut into clips of {num_frames} frames")


def _flatten(features: Tensor, num_frames: int) -> Tensor:
    """Joins the pixels of a clip's frames: (B * T, C, h, w) to (B, C, T * h * w)."""
    frames, channels = features.shape[:2]
    clips = features.reshape(frames // num_frames, num_frames, channels, -1)
    return clips.transpose(1, 2).reshape(frames // num_frames, channels, -1)


def _mask_shape(features: Tensor, num_frames: int | None) -> tuple[int, ...]:
    """Returns the shape of a mask: (h, w), with the frames of a clip before."""
    height, width = features.shape[-2:]
    return (height, width) if num_frames is None else (num_frames, height, width)


def _unflattened(outputs: Sequence[StageOutput], shape: tuple[int, ...]) -> tuple[StageOutput, ...]:
    return tuple(replace(output, mask_logits=output.mask_logits.unflatten(-1, shape)) for output in outputs)
