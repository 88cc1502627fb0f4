"""Pretraining of a backbone by semantic segmentation, where there are no ImageNet weights to start from.

A fully convolutional network (Long et al., CVPR 2015): a linear layer on each map of the backbone,
their sum says of which class a pixel is. The layers are thrown away, the backbone starts a run: `--backbone`.
Single objects cut out and scaled to one size are learnt sooner, but what is learnt from them names nothing in
whole images.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.errors import InputError
from rapsam.models.backbones.backbone import BackboneConfig
from rapsam.models.build import build_model
from rapsam.models.checkpoint import write_safetensors
from rapsam.models.trainable import trainable
from rapsam.training.batch import Batch
from rapsam.training.config import Precision, RunConfig
from rapsam.training.loader import StepSampler, load_batches
from rapsam.training.losses.auxiliary import SegmentScores, segment_scores
from rapsam.training.samples import MixedSamples

_LR, _WEIGHT_DECAY, _WARMUP, _CLIP_NORM = 1e-3, 0.05, 100, 1.0
_REMEMBERED = 50
"""Steps over which the share of rightly classified segments is averaged."""

Progress = Callable[[int, int, str], None]


class PixelClassifier(nn.Module):
    """Predicts the class of each pixel from all maps of a backbone.

    Args:
        backbone: Shape of the backbone.
        num_classes: K.
    """

    def __init__(self, backbone: BackboneConfig, num_classes: int) -> None:
        super().__init__()
        self.backbone = backbone.build()
        self.readouts = nn.ModuleList(nn.Conv2d(channels, num_classes, 1) for channels in backbone.channels)

    def forward(self, images: Tensor) -> Tensor:
        """Maps normalised images (B, 3, H, W) to logits (B, K, h, w), as large as the first map."""
        maps = [readout(level) for readout, level in zip(self.readouts, self.backbone(images), strict=True)]
        size = maps[0].shape[-2:]
        larger = (F.interpolate(part, size=size, mode="bilinear", align_corners=False) for part in maps[1:])
        return sum(larger, maps[0])


def pretrain_backbone(config: RunConfig, samples: MixedSamples, path: Path, progress: Progress) -> float:
    """Pretrains the backbone of a recipe and writes its weights, for `rapsam train --backbone`.

    Args:
        config: Variant, epochs, batch size, seed and precision.
        samples: Images with their segments.
        path: `.safetensors` file to write.
        progress: Told the steps done, all of them, and a note.

    Returns:
        Share of the segments of the last steps that were classified rightly, 0..1.

    Raises:
        InputError: If the loss is NaN or infinite, no image has a segment, or images cannot be used.
    """
    network = _network(config, samples)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_LR, weight_decay=_WEIGHT_DECAY)
    size = config.data.batch_size
    total = max(1, int(config.epochs * samples.epoch_length) // size)
    shares: list[float] = []
    segments = 0
    batches = load_batches(samples, StepSampler(0, total, size, 0, 1), config.data.workers)
    for step, batch in enumerate(batches, start=1):
        for group in optimiser.param_groups:
            group["lr"] = _LR * min(1.0, step / _WARMUP) * (1 + math.cos(math.pi * step / total)) / 2
        scores, loss = _compared(network, batch, step, config.precision)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), _CLIP_NORM)
        optimiser.step()
        optimiser.zero_grad()
        segments += len(scores.classes)
        shares = [*shares[1 - _REMEMBERED :], scores.share_right]
        share = sum(shares) / len(shares)
        progress(step, total, f"loss {float(loss.detach()):.2f}, {share:.1%} named rightly")
    if not segments:
        raise InputError(
            f"{samples.sources[0].source.name} has no image with segments; expected something to name"
        )
    write_safetensors(path, network.backbone.state_dict(), {})
    return share


def _network(config: RunConfig, samples: MixedSamples) -> PixelClassifier:
    """Builds the backbone of the recipe, random by its seed, with its batch norms learning."""
    with torch.random.fork_rng(devices=[]):
        backbone = trainable(build_model(config.model), config.model).backbone_config
        torch.manual_seed(config.seed)
        network = PixelClassifier(backbone, samples.sources[0].num_classes)
    # The backbone's own `train` would freeze its batch norms.
    nn.Module.train(network.backbone)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def _compared(
    network: PixelClassifier, batch: Batch, step: int, precision: Precision
) -> tuple[SegmentScores, Tensor]:
    """Classifies the segments of a batch; returns the mean cross-entropy too."""
    frames = torch.cat([sample.frames for sample in batch.objects])
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        logits = network(frames)
    scores = segment_scores(logits.float(), batch.objects)
    loss = scores.loss / max(1, len(scores.classes))
    if not bool(torch.isfinite(loss)):
        names = ", ".join(sample.name for sample in batch.objects)
        raise InputError(f"step {step}: the loss is no number; the last batch holds {names}")
    return scores, loss
