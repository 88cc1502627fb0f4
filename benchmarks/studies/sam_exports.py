"""Graphs of promptable networks in the form in which their authors export them.

The same weights, traced as they are: encoders with all branches, whose norms PyTorch's exporter may fold; a
decoder that takes points of any number, and enlarges its masks to the original image inside.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.models.sam.model import Sam
from rapsam.models.sam.prompt_encoder import MASK_STRIDE, PADDING_POINT, POSITIVE_POINT
from rapsam.tasks.geometry import ImageGeometry

ENCODER_OPSETS = {"repvit_sam": 11, "mobile_sam": 16, "edge_sam_bilinear": 11}
"""Of their scripts; MobileSAM has none for its encoder, and the opset is that of its decoder."""
DECODER_OPSET = 16


class WrappedDecoder(nn.Module):
    """Embedding and prompts to masks of the original image's size, as SAM's wrapper for exports makes them.

    That size is an input there; here it is a constant, which is no slower.

    Args:
        model: The network.
        geometry: Of the original image.
    """

    def __init__(self, model: Sam, geometry: ImageGeometry) -> None:
        super().__init__()
        self.model = model
        self.geometry = geometry

    def forward(
        self, embedding: Tensor, points: Tensor, labels: Tensor, mask: Tensor, has_mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Answers one prompt.

        Args:
            embedding: (1, 256, h, w).
            points: (1, N, 2).
            labels: (1, N).
            mask: (1, 1, 4 h, 4 w).
            has_mask: (1,), 1 if the mask counts, else 0.

        Returns:
            Masks (1, 4, height, width), predicted IoU (1, 4), and mask logits (1, 4, 4 h, 4 w).
        """
        prompts, grid = self.model.prompt_encoder, (embedding.shape[2], embedding.shape[3])
        dense = has_mask * prompts.dense(mask, grid) + (1 - has_mask) * prompts.dense(None, grid)
        tokens = prompts.tokens(points, labels, self.geometry.padded_size)
        logits, iou = self.model.mask_decoder(embedding, prompts.position.grid(grid), tokens, dense)
        whole = _enlarged(logits, self.geometry.padded_size)
        height, width = self.geometry.content_size
        return _enlarged(whole[..., :height, :width], self.geometry.original_size), iou, logits


def export_encoder(model: Sam, side: int, path: Path) -> None:
    """Writes the encoder of normalised images (1, 3, side, side) as ONNX."""
    opset = ENCODER_OPSETS.get(model.name, DECODER_OPSET)
    _trace(model.image_encoder, (torch.zeros(1, 3, side, side),), path, opset)


def export_decoder(model: Sam, geometry: ImageGeometry, path: Path) -> None:
    """Writes `WrappedDecoder` for one click as ONNX."""
    height, width = geometry.padded_size
    stride, channels = model.image_encoder.stride, model.prompt_encoder.no_mask.shape[1]
    inputs = (
        torch.zeros(1, channels, height // stride, width // stride),
        torch.tensor([[[width / 2, height / 2], [0.0, 0.0]]]),
        torch.tensor([[float(POSITIVE_POINT), float(PADDING_POINT)]]),
        torch.zeros(1, 1, height // MASK_STRIDE, width // MASK_STRIDE),
        torch.zeros(1),
    )
    _trace(WrappedDecoder(model, geometry), inputs, path, DECODER_OPSET)


def _enlarged(masks: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(masks, size, mode="bilinear", align_corners=False)


def _trace(module: nn.Module, inputs: tuple[Tensor, ...], path: Path, opset: int) -> None:
    with torch.no_grad(), warnings.catch_warnings():
        # Of tracing, which is meant, and of the age of the exporter that all these scripts were written for.
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), inputs, str(path), opset_version=opset, dynamo=False)
