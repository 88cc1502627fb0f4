"""From annotated clips to samples: sample n of a run is a function of n, the seed and the data alone.

So nothing about loading has to be saved to go on with a run, and any number of processes sees the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from rapsam.data.augment.clip import CroppedClip, CropRecipe, crop_clip, pseudo_video
from rapsam.data.augment.prompts import sample_prompts
from rapsam.data.sources.annotated import AnnotatedClip, AnnotatedSource, bare_clip
from rapsam.errors import InputError
from rapsam.tasks.arrays import Indices, Masks
from rapsam.tasks.preprocess import normalise_and_pad
from rapsam.training.batch import Batch, ObjectSample, PromptSample, Sample
from rapsam.training.config import DataConfig, SourceConfig
from rapsam.training.embeddings import EmbeddingStore, Place
from rapsam.training.point_samples import point_sample

_TRIES = 20


class MixedSource(NamedTuple):
    """An opened data set in one of its uses.

    Attributes:
        source: The data set.
        config: Its use.
        classes: (classes of the source,) int64 index into the model's classes, -1 for none.
        num_classes: Classes of the model.
    """

    source: AnnotatedSource
    config: SourceConfig
    classes: Indices
    num_classes: int


class Loaded(NamedTuple):
    """A sample, and what was wrong on the way to it.

    Attributes:
        sample: The sample.
        faults: A line for each image or video that was tried before it in vain.
        left_out: A line for each faulty annotation, of this sample or of those before it.
        is_incomplete: Whether an annotation of this sample was left out.
    """

    sample: Sample
    faults: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    is_incomplete: bool = False


class _UnluckyCropError(Exception):
    """A crop from which nothing can be learnt, of an image that is fine."""


class MixedSamples(Dataset[Loaded]):
    """All samples of a run, by number.

    An epoch visits every image and video of every source `repeat` times, all in one random order.

    Args:
        sources: What is mixed.
        config: How samples are made.
        seed: Of the run.
        asks: Whether samples for networks that answer points have prompts.
        embeddings: What their images are read with, if the network learns from a teacher.
    """

    def __init__(
        self,
        sources: Sequence[MixedSource],
        config: DataConfig,
        seed: int,
        *,
        asks: bool = True,
        embeddings: EmbeddingStore | None = None,
    ) -> None:
        self.sources = tuple(sources)
        self.asks, self.embeddings = asks, embeddings
        self.config = config
        self.seed = seed
        self._ends = np.cumsum([round(len(mixed.source) * mixed.config.repeat) for mixed in sources])
        if not self._ends[-1]:
            raise InputError("the data sets hold no image; expected at least one")

    @property
    def epoch_length(self) -> int:
        """Samples of an epoch."""
        return int(self._ends[-1])

    def __getitem__(self, number: int) -> Loaded:
        """Makes sample `number`; where a file cannot be used, another of its source takes its place."""
        faults: list[str] = []
        left_out: list[str] = []
        last = ""
        position = self._position(number)
        which = int(np.searchsorted(self._ends, position, side="right"))
        mixed = self.sources[which]
        for attempt in range(_TRIES):
            rng = np.random.default_rng([self.seed, number, attempt])
            if attempt:
                position = int(rng.integers(self._start(which), self._ends[which]))
            index = self._locate(number // self.epoch_length, which, position)
            place = Place(mixed.config, index)
            try:
                clip = self._read(rng, mixed, index)
                left_out += map(str, clip.faults)
                sample = self._sample(number, rng, mixed, clip, place)
                return Loaded(sample, tuple(faults), tuple(left_out), bool(clip.faults))
            except InputError as error:
                last = str(error)
                faults.append(last)
            except _UnluckyCropError as error:
                last = str(error)
        raise InputError(
            f"{_TRIES} samples of {mixed.source.name} in a row could not be used; the last: {last}"
        )

    def _position(self, number: int) -> int:
        epoch, place = divmod(number, self.epoch_length)
        return int(_epoch_order(self.seed, epoch, self.epoch_length)[place])

    def _start(self, which: int) -> int:
        return int(self._ends[which - 1]) if which else 0

    def _locate(self, epoch: int, which: int, position: int) -> int:
        length = len(self.sources[which].source)
        turn, place = divmod(position - self._start(which), length)
        # Of a turn that is not whole, the places that come first in this epoch's order.
        return int(_epoch_order(self.seed + which + 1, epoch + turn, length)[place])

    def _read(self, rng: np.random.Generator, mixed: MixedSource, index: int) -> AnnotatedClip:
        if mixed.config.task == "points" and not self.asks:
            return bare_clip(mixed.source, index)
        return mixed.source.read(index, _draw_frames(rng, mixed, index))

    def _sample(
        self, number: int, rng: np.random.Generator, mixed: MixedSource, clip: AnnotatedClip, place: Place
    ) -> Sample:
        # Regions of many objects are left out: no single query can answer for them.
        clip = clip.with_segments(~clip.crowd)
        if mixed.config.task == "points":
            kept = self.embeddings.read(place, clip.frames[0]) if self.embeddings else None
            return point_sample(number, rng, clip, self.config, asks=self.asks, embedding=kept)
        if mixed.config.task == "instances":
            clip = clip.with_segments(clip.classes < mixed.source.label_set.num_things)
        if mixed.config.task == "prompt":
            return self._prompt_sample(number, rng, clip, mixed)
        cropped = self._crop(rng, clip, mixed)
        return ObjectSample(
            number=number,
            name=clip.name,
            frames=self._frames(cropped),
            masks=torch.from_numpy(np.stack([self._padded(m) for m in cropped.masks], axis=1)),
            classes=torch.from_numpy(mixed.classes[cropped.classes]),
            taught=_taught(mixed),
        )

    def _prompt_sample(
        self, number: int, rng: np.random.Generator, clip: AnnotatedClip, mixed: MixedSource
    ) -> PromptSample:
        config = self.config
        if not clip.masks.any():
            raise InputError(f"{clip.name} has no segment to prompt; expected at least one")
        cropped = self._crop(rng, clip, mixed)
        masks = cropped.masks[0]
        large = masks.sum(axis=(1, 2)) >= config.min_prompt_area
        if not large.any():
            raise _UnluckyCropError(f"{clip.name}: no segment of {config.min_prompt_area} px in the crop")
        masks, things = masks[large], cropped.classes[large] < mixed.source.label_set.num_things
        boxed = np.ones_like(things) if config.boxed == "all" else things
        drawn = sample_prompts(rng, masks, boxed, config.prompts, config.box_prompts, config.clicks)
        return PromptSample(
            number=number,
            name=clip.name,
            frames=self._frames(cropped),
            boxes=torch.from_numpy(drawn.boxes),
            masks=torch.from_numpy(self._padded(masks)[drawn.targets]),
        )

    def _crop(self, rng: np.random.Generator, clip: AnnotatedClip, mixed: MixedSource) -> CroppedClip:
        config = self.config
        size = (config.height, config.width)
        recipe = CropRecipe(size, mixed.config.resize, config.flip, config.colour)
        if len(clip.frames) > 1:
            return crop_clip(rng, clip, recipe)
        return pseudo_video(rng, clip, recipe, mixed.config.frames)

    def _frames(self, cropped: CroppedClip) -> Tensor:
        padded = np.zeros((len(cropped.frames), 3, self.config.height, self.config.width), np.float32)
        for place, frame in zip(padded, cropped.frames, strict=True):
            place[:, : frame.shape[0], : frame.shape[1]] = normalise_and_pad(frame, divisor=1).pixels[0]
        return torch.from_numpy(padded)

    def _padded(self, masks: Masks) -> Masks:
        padded = np.zeros((len(masks), self.config.height, self.config.width), np.bool_)
        padded[:, : masks.shape[1], : masks.shape[2]] = masks
        return padded


def collate(loaded: Sequence[Loaded]) -> Batch:
    """Puts the samples of a step together."""
    return Batch(
        [item.sample for item in loaded],
        faults=[fault for item in loaded for fault in item.faults],
        left_out=[fault for item in loaded for fault in item.left_out],
        incomplete=sum(item.is_incomplete for item in loaded),
    )


def _draw_frames(rng: np.random.Generator, mixed: MixedSource, index: int) -> list[int] | None:
    """Draws neighbouring frames of a video, in order, up to `interval` apart; None for an image."""
    total = mixed.source.num_frames(index)
    if total == 1:
        return None
    wanted = mixed.config.frames
    steps = rng.integers(1, mixed.config.interval + 1, wanted - 1)
    offsets = np.concatenate([[0], np.cumsum(steps)])
    start = int(rng.integers(0, max(1, total - int(offsets[-1]))))
    return [min(start + int(offset), total - 1) for offset in offsets]


def _taught(mixed: MixedSource) -> Tensor:
    if mixed.config.unannotated == "void":
        return torch.ones(mixed.num_classes, dtype=torch.bool)
    taught = torch.zeros(mixed.num_classes, dtype=torch.bool)
    taught[torch.from_numpy(mixed.classes[mixed.classes >= 0])] = True
    return taught


@lru_cache(maxsize=16)
def _epoch_order(seed: int, epoch: int, length: int) -> npt.NDArray[np.int64]:
    """Returns the order in which an epoch visits `length` places, remembered: every sample asks for it."""
    return np.random.default_rng([seed, epoch]).permutation(length)
