"""What networks learn that answer points on an image embedding: a teacher's embeddings, or masks.

After the two phases of EdgeSAM (Zhou et al., 2023, arXiv 2312.06660): the encoder alone, then prompts in the
loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rapsam.models.promptable import Promptable
from rapsam.tasks.prompt_encoding import BESIDE, INSIDE, TOP_LEFT
from rapsam.training.batch import Batch, PointSample
from rapsam.training.config import BatchStatistics, LessonConfig
from rapsam.training.losses.embedding import embedding_loss, valid_pixels
from rapsam.training.losses.mask_losses import bce_each, dice_each
from rapsam.training.objective import Losses, Objective

_CENTRE = 0.5


class Lesson(Objective):
    """What both lessons share.

    Args:
        model: The network.
        learns: Those of its parts that are trained; the others are frozen.
    """

    model: Promptable

    def __init__(self, model: Promptable, learns: Sequence[nn.Module]) -> None:
        super().__init__()
        self.model = model
        model.requires_grad_(False)
        for part in learns:
            part.requires_grad_(True)

    def begin_training(self, learning: BatchStatistics, *, shared: bool) -> None:
        """See `Objective.begin_training`; batch norms are in the encoder."""
        self.model.train()
        if learning == "none":
            for module in self.model.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        elif shared:
            self.model.image_encoder = nn.SyncBatchNorm.convert_sync_batchnorm(self.model.image_encoder)


class EmbeddingLesson(Lesson):
    """The encoder learns the teacher's embeddings, position by position."""

    def __init__(self, model: Promptable) -> None:
        super().__init__(model, [model.image_encoder])

    @property
    def names(self) -> tuple[str, ...]:
        """One loss."""
        return ("embedding",)

    def counts(self, batch: Batch) -> list[float]:
        """Counts images."""
        return [len(batch.points)]

    def forward(self, batch: Batch, counts: Sequence[float]) -> Losses:
        """Compares embeddings, mean over images."""
        samples, (images,) = batch.points, counts
        found = self.model.encode(torch.cat([sample.frames for sample in samples])).float()
        wanted = torch.stack([sample.embedding for sample in samples])
        valid = torch.stack([_valid(sample, found.shape[-2:]) for sample in samples])
        with torch.autocast(found.device.type, enabled=False):
            return {"embedding": embedding_loss(found, wanted, valid) / images}


class MaskLesson(Lesson):
    """Encoder and decoder learn to answer prompts, with the last answers' faults as new prompts.

    Args:
        model: The network.
        config: Weights and rounds.
        seed: Of the run.
        teacher: Answers the same prompts, on its own embeddings, without its encoder; None to learn the
            masks of the data, and with them the prompt encoder.
    """

    def __init__(
        self, model: Promptable, config: LessonConfig, seed: int, teacher: Promptable | None = None
    ) -> None:
        parts = [model.image_encoder, model.mask_decoder]
        super().__init__(model, parts if teacher else [*parts, model.prompt_encoder])
        self.config, self.seed = config, seed
        # In a list, so that it is no submodule: it is neither trained nor saved.
        self._teacher = [teacher.eval().requires_grad_(False)] if teacher else []

    @property
    def names(self) -> tuple[str, ...]:
        """Those of mask pixels and of whole masks."""
        return ("mask_bce", "mask_dice")

    def counts(self, batch: Batch) -> list[float]:
        """Counts prompts."""
        return [sum(len(sample.points) for sample in batch.points)]

    def forward(self, batch: Batch, counts: Sequence[float]) -> Losses:
        """Answers all prompts in all rounds; mean over a prompt's masks, prompts, and rounds."""
        samples, (prompts,) = batch.points, counts
        embeddings = self.model.encode(torch.cat([sample.frames for sample in samples])).float()
        # 16 bits end here, as in all other losses.
        with torch.autocast(embeddings.device.type, enabled=False):
            sums = [self._of_sample(*pair) for pair in zip(samples, embeddings, strict=True)]
        share = max(prompts, 1.0) * self.config.rounds
        bce, dice = (torch.stack(parts).sum() / share for parts in zip(*sums, strict=True))
        return {"mask_bce": self.config.bce_weight * bce, "mask_dice": self.config.dice_weight * dice}

    def _of_sample(self, sample: PointSample, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Returns cross-entropy and dice loss of an image, sums over prompts and rounds."""
        generator = torch.Generator().manual_seed((self.seed << 32) + sample.number)
        asked = Asked(sample.points, sample.labels)
        clear = slice(self.model.clear_mask, self.model.clear_mask + 1)
        # Only a point may mean several regions.
        meant = clear if asked.boxed else slice(None)
        bce = dice = embedding.new_zeros(())
        valid: Tensor | None = None  # of the size of the answers, the same in every round
        for turn in range(self.config.rounds):
            logits = self.model.answer(embedding[None], asked.points, asked.labels).mask_logits
            wanted = self._wanted(sample, asked, logits)
            valid = _valid(sample, logits.shape[-2:]) if valid is None else valid
            more_bce, more_dice = masks_compared(logits[:, meant], wanted[:, meant], valid)
            bce, dice = bce + more_bce.sum(), dice + more_dice.sum()
            if turn + 1 < self.config.rounds:
                found, right = logits[:, clear].squeeze(1) > 0, wanted[:, clear].squeeze(1)
                asked = asked.corrected(found, right, valid, sample.frames.shape[-1], generator)
        return bce, dice

    @torch.no_grad()
    def _wanted(self, sample: PointSample, asked: Asked, like: Tensor) -> Tensor:
        """Returns the masks to learn, (K, M, h, w) bool."""
        if not self._teacher:
            masks = F.adaptive_avg_pool2d(sample.masks.float(), (like.shape[-2], like.shape[-1])) >= _CENTRE
            return masks[:, None].expand(like.shape)
        teacher = self._teacher[0]
        for part in (teacher.prompt_encoder, teacher.mask_decoder):
            if any(tensor.device != like.device for tensor in islice(part.parameters(), 1)):
                part.to(like.device)
        return teacher.answer(sample.embedding[None], asked.points, asked.labels).mask_logits > 0


class Asked(NamedTuple):
    """Prompts of an image.

    Attributes:
        points: (K, N, 2), see `PointSample`.
        labels: (K, N).
    """

    points: Tensor
    labels: Tensor

    @property
    def boxed(self) -> bool:
        """Whether they are boxes."""
        return bool((self.labels == TOP_LEFT).any())

    def corrected(
        self, found: Tensor, wanted: Tensor, valid: Tensor, side: int, generator: torch.Generator
    ) -> Asked:
        """Adds to each prompt a point where its answer is wrong, or anywhere if it is right.

        Args:
            found: (K, h, w) bool, the answers.
            wanted: (K, h, w) bool.
            valid: (h, w) bool, pixels on the image.
            side: Of the image's square.
            generator: Draws; on the CPU, so that a sample sees the same points on every device.
        """
        wrong = ((found != wanted) & valid).flatten(1)
        where = torch.where(wrong.any(dim=1, keepdim=True), wrong, valid.flatten())
        place = torch.multinomial(where.float().cpu(), 1, generator=generator).to(found.device)
        labels = torch.where(wanted.flatten(1).gather(1, place), float(INSIDE), float(BESIDE))
        height, width = found.shape[-2:]
        rows, columns = place // width, place % width
        # The network adds half a pixel itself.
        x, y = ((each + _CENTRE) * side / of - _CENTRE for each, of in ((columns, width), (rows, height)))
        points = torch.stack([x, y], dim=-1).to(self.points.dtype)
        return Asked(torch.cat([points, self.points], dim=1), torch.cat([labels, self.labels], dim=1))


def masks_compared(logits: Tensor, wanted: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Compares masks on valid pixels alone.

    Args:
        logits: (K, M, h, w).
        wanted: (K, M, h, w) bool.
        valid: (h, w) bool.

    Returns:
        Cross-entropy and dice loss, (K,) each, mean over the M masks of a prompt.
    """
    at, truth = logits[..., valid].flatten(0, 1), wanted[..., valid].flatten(0, 1).to(logits.dtype)
    bce, dice = (each(at, truth).unflatten(0, logits.shape[:2]).mean(dim=1) for each in (bce_each, dice_each))
    return bce, dice


def _valid(sample: PointSample, size: Sequence[int]) -> Tensor:
    height, width = size
    padded = (sample.frames.shape[-2], sample.frames.shape[-1])
    return valid_pixels(sample.content, padded, (height, width)).to(sample.frames.device)
