"""What one training step sees: samples as tensors, each with its number in the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class ObjectSample:
    """Frames whose things and stuff are to be found.

    Attributes:
        number: Place in the whole run, from 0: seeds all that is random about the sample.
        name: Of the image or video, for messages.
        frames: (T, 3, H, W) float32, normalised, zero where padded.
        masks: (N, T, H, W) bool, false where padded.
        classes: (N,) int64 index into the model's classes; -1 takes part in masks, not in classes.
        taught: (K,) bool, classes of the model that the sample says something about.
    """

    number: int
    name: str
    frames: Tensor
    masks: Tensor
    classes: Tensor
    taught: Tensor

    def to(self, device: torch.device) -> ObjectSample:
        """Copies the tensors to a device."""
        return replace(
            self,
            frames=self.frames.to(device),
            masks=self.masks.to(device),
            classes=self.classes.to(device),
            taught=self.taught.to(device),
        )


@dataclass(frozen=True, slots=True)
class PromptSample:
    """An image and prompts on it; prompt k wants mask k.

    Attributes:
        number: As in `ObjectSample`.
        name: As in `ObjectSample`.
        frames: (1, 3, H, W) float32, normalised, zero where padded.
        boxes: (K, 4) float32 x1, y1, x2, y2 in fractions of the unpadded image.
        masks: (K, H, W) bool.
    """

    number: int
    name: str
    frames: Tensor
    boxes: Tensor
    masks: Tensor

    def to(self, device: torch.device) -> PromptSample:
        """Copies the tensors to a device."""
        return replace(
            self, frames=self.frames.to(device), boxes=self.boxes.to(device), masks=self.masks.to(device)
        )


@dataclass(frozen=True, slots=True)
class PointSample:
    """A whole image in a square, and prompts of K of its regions: all of them points, or all boxes.

    Attributes:
        number: As in `ObjectSample`.
        name: As in `ObjectSample`.
        frames: (1, 3, S, S) float32, normalised, zero to the right and below.
        content: Height and width that the image covers.
        points: (K, N, 2) float32 x, y in pixels of the square.
        labels: (K, N) float32, as `rapsam.tasks.prompt_encoding` has them.
        masks: (K, S, S) bool, the regions; (0, S, S) with a teacher, whose masks are learnt.
        embedding: (C, h, w) float32, that of the teacher; (0, 0, 0) without one.
    """

    number: int
    name: str
    frames: Tensor
    content: tuple[int, int]
    points: Tensor
    labels: Tensor
    masks: Tensor
    embedding: Tensor

    def to(self, device: torch.device) -> PointSample:
        """Copies the tensors to a device."""
        return replace(
            self,
            frames=self.frames.to(device),
            points=self.points.to(device),
            labels=self.labels.to(device),
            masks=self.masks.to(device),
            embedding=self.embedding.to(device),
        )


Sample = ObjectSample | PromptSample | PointSample


class Batch:
    """Samples of one step on one device, and what could not be loaded on the way.

    Attributes:
        samples: At least one.
        faults: One line for each image or video that could not be used; another took its place.
        left_out: One line for each faulty annotation that was left out.
        incomplete: How many of the samples lack an annotation that was left out.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        faults: Sequence[str] = (),
        left_out: Sequence[str] = (),
        incomplete: int = 0,
    ) -> None:
        self.samples = tuple(samples)
        self.faults, self.left_out = tuple(faults), tuple(left_out)
        self.incomplete = incomplete

    @property
    def objects(self) -> tuple[ObjectSample, ...]:
        """Samples in object mode."""
        return tuple(sample for sample in self.samples if isinstance(sample, ObjectSample))

    @property
    def prompts(self) -> tuple[PromptSample, ...]:
        """Samples in prompt mode."""
        return tuple(sample for sample in self.samples if isinstance(sample, PromptSample))

    @property
    def points(self) -> tuple[PointSample, ...]:
        """Samples of networks that answer points."""
        return tuple(sample for sample in self.samples if isinstance(sample, PointSample))

    def to(self, device: torch.device) -> Batch:
        """Copies all tensors to a device."""
        return Batch(
            [sample.to(device) for sample in self.samples],
            faults=self.faults,
            left_out=self.left_out,
            incomplete=self.incomplete,
        )


def by_frames(samples: Sequence[ObjectSample]) -> dict[int, tuple[ObjectSample, ...]]:
    """Groups samples by their number of frames: a group goes through the decoder in one pass."""
    counts = sorted({len(sample.frames) for sample in samples})
    return {count: tuple(s for s in samples if len(s.frames) == count) for count in counts}
