"""The network with its losses as one module: what is distributed, and what gradients come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rapsam.models.trainable import Trainable
from rapsam.quantize.scheme import Quantisation
from rapsam.training.batch import Batch, ObjectSample, PromptSample, Sample, by_frames
from rapsam.training.config import BatchStatistics, LossConfig
from rapsam.training.few_bits import FewBits, Pass
from rapsam.training.losses.auxiliary import PositionReadout, SemanticReadout
from rapsam.training.losses.distillation import Distillation, ObjectAnswer
from rapsam.training.losses.object_loss import ObjectNormalisers, object_counts, object_loss
from rapsam.training.losses.prompt_loss import first_mask_loss, prompt_loss
from rapsam.training.objective import Losses, Objective
from rapsam.training.optim import kept_statistics, set_training_mode, share_statistics

_LOSSES = ("class", "mask_bce", "mask_dice", "prompt_bce", "prompt_dice", "prompt_iou")
_POSITION_LOSSES = ("place",)
_SEMANTIC_LOSSES = ("name",)
_FIRST_MASK_LOSSES = ("prompt_first",)
_DISTILLATION_LOSSES = ("distill_features", "distill_masks")


class LossNetwork(Objective):
    """Losses of a batch of objects and prompts, all four outputs together.

    Args:
        model: The network.
        config: Losses.
        seed: Of the run.
        checkpoint_activations: Whether the encoder is computed again in the backward pass.
        distillation: Compares the network with its teacher, if it has one.
        scheme: Bits that the network is trained for; None for float.
    """

    def __init__(
        self,
        model: Trainable,
        config: LossConfig,
        seed: int,
        *,
        checkpoint_activations: bool,
        distillation: Distillation | None = None,
        scheme: Quantisation | None = None,
    ) -> None:
        super().__init__()
        self.model: Trainable = model
        self.config = config
        self.seed = seed
        self.checkpoint_activations = checkpoint_activations
        self.distillation = distillation
        self.few_bits = None if scheme is None else FewBits(model, scheme)
        width = model.feature_width
        # Checkpoints of runs hold these under their attributes' names.
        self.places = PositionReadout(width) if config.place_weight else None
        classes = model.text_classifier.num_classes
        self.names_of_pixels = SemanticReadout(width, classes) if config.name_weight else None

    @property
    def names(self) -> tuple[str, ...]:
        """Losses that a batch may have: one without prompts has none of prompts."""
        position = () if self.places is None else _POSITION_LOSSES
        semantic = () if self.names_of_pixels is None else _SEMANTIC_LOSSES
        first = _FIRST_MASK_LOSSES if self.config.first_mask_factor else ()
        distillation = () if self.distillation is None else _DISTILLATION_LOSSES
        return _LOSSES + first + position + semantic + distillation

    def begin_training(self, learning: BatchStatistics, *, shared: bool) -> None:
        """See `Objective.begin_training`."""
        set_training_mode(self.model, learning)
        if shared:
            share_statistics(self.model, learning)

    def counts(self, batch: Batch) -> list[float]:
        """Counts what losses are divided by, four numbers: to be averaged over the processes."""
        objects = object_counts(batch.objects, self.model.num_queries, self.config)
        prompts = sum(len(sample.boxes) for sample in batch.prompts)
        frames = sum(len(sample.frames) for sample in batch.samples)
        return [objects.masks, objects.class_weights, prompts, frames]

    def forward(self, batch: Batch, counts: Sequence[float]) -> Losses:
        """Computes the losses.

        Args:
            batch: Samples; all frames go through the encoder in one pass.
            counts: As `counts` returns them, averaged over the processes. No tensor, which mixed precision
                would round.

        Returns:
            Weighted scalars by name; their sum is what to minimise.
        """
        samples: list[Sample] = [*chain.from_iterable(by_frames(batch.objects).values()), *batch.prompts]
        frames = torch.cat([sample.frames for sample in samples])
        features = self._features(frames)
        teacher = None if self.distillation is None else self.distillation.teacher_features(frames)
        # 16 bits end here: the hard-mask pool is a plain sum over all pixels, too large for them.
        with torch.autocast(features.device.type, enabled=False):
            return self._losses(batch, features.float(), None if teacher is None else teacher.float(), counts)

    def _features(self, frames: Tensor) -> Tensor:
        with self._in_few_bits("features"):
            if self.checkpoint_activations:
                return checkpoint(  # type: ignore[no-any-return]
                    self.model.encode, frames, use_reentrant=False, context_fn=self._checkpoint_contexts
                )
            return self.model.encode(frames)

    def _in_few_bits(self, name: Pass, *, observing: bool = True) -> AbstractContextManager[object]:
        """Context of a pass of the network."""
        if self.few_bits is None:
            return nullcontext()
        return self.few_bits.of_pass(name).computing(self.model, observing=observing)

    def _checkpoint_contexts(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        """Contexts of the forward pass and of its repetition, in which nothing must learn again."""
        return nullcontext(), self._repeated()

    @contextmanager
    def _repeated(self) -> Iterator[None]:
        with kept_statistics(self.model), self._in_few_bits("features", observing=False):
            yield

    def _losses(
        self, batch: Batch, features: Tensor, teacher: Tensor | None, counts: Sequence[float]
    ) -> Losses:
        masks, class_weights, prompts, frames = counts
        normalisers = ObjectNormalisers(masks, class_weights)
        losses: Losses = {}
        if self.places is not None:
            losses["place"] = self.config.place_weight * self.places(features) / frames
        if self.distillation is not None and teacher is not None:
            losses["distill_features"] = self.distillation.feature_loss(features, teacher) / frames
        taken = 0
        for length, group in by_frames(batch.objects).items():
            part = slice(taken, taken + length * len(group))
            taken = part.stop
            _add(losses, self._objects(group, features[part], length, normalisers, _cut(teacher, part)))
        if batch.prompts:
            part = slice(taken, len(features))
            _add(losses, self._prompts(batch.prompts, features[part], prompts, _cut(teacher, part)))
        return losses

    def _objects(
        self,
        group: Sequence[ObjectSample],
        features: Tensor,
        frames: int,
        normalisers: ObjectNormalisers,
        teacher: Tensor | None,
    ) -> Losses:
        with self._in_few_bits("objects"):
            outputs = self.model.detect(features, frames)
        generators = [self._generator(sample) for sample in group]
        losses: Losses = {}
        for output in outputs:
            found = object_loss(output, group, generators, normalisers, self.config)
            factor = 1.0 if output is outputs[-1] else self.config.stage_class_factor
            _add(losses, {"class": factor * found.classes, "mask_bce": found.bce, "mask_dice": found.dice})
        if self.names_of_pixels is not None:
            semantic = self.names_of_pixels(features, group)
            losses["name"] = self.config.name_weight * semantic / max(normalisers.masks, 1.0)
        if self.distillation is not None and teacher is not None:
            answer = ObjectAnswer(group, outputs[-1], found.matchings)
            losses["distill_masks"] = self.distillation.object_loss(
                answer, teacher, self.config, normalisers.masks
            )
        return losses

    def _prompts(
        self, group: Sequence[PromptSample], features: Tensor, num_prompts: float, teacher: Tensor | None
    ) -> Losses:
        boxes = nn.utils.rnn.pad_sequence([sample.boxes for sample in group], batch_first=True)
        with self._in_few_bits("prompts"):
            outputs = self.model.segment(features, boxes)
        generators = [self._generator(sample) for sample in group]
        losses: Losses = {}
        for output in outputs:
            found = prompt_loss(output, group, generators, num_prompts, self.config)
            _add(losses, {"prompt_bce": found.bce, "prompt_dice": found.dice, "prompt_iou": found.iou})
        if self.config.first_mask_factor:
            masks = self.model.first_prompt_masks(features, boxes)
            first = first_mask_loss(masks, group, generators, num_prompts, self.config)
            losses["prompt_first"] = self.config.first_mask_factor * first
        if self.distillation is not None and teacher is not None:
            owned = [len(sample.boxes) for sample in group]
            losses["distill_masks"] = self.distillation.prompt_loss(
                outputs[-1], teacher, boxes, owned, num_prompts
            )
        return losses

    def _generator(self, sample: Sample) -> torch.Generator:
        """Returns a sample's own source of points, the same in whatever process it lands."""
        return torch.Generator().manual_seed((self.seed << 32) + sample.number)


def _cut(features: Tensor | None, part: slice) -> Tensor | None:
    return None if features is None else features[part]


def _add(losses: Losses, more: Losses) -> None:
    for name, value in more.items():
        losses[name] = losses[name] + value if name in losses else value
