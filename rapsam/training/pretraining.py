"""Teaching a backbone to name what is in annotated images, where there are no ImageNet weights to start from.

Every segment gives a crop: a square around a thing, a square somewhere in stuff. A ResNet with a linear layer
on its mean features learns their classes. The layer is thrown away, the ResNet starts a run: `--backbone`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from rapsam.data.augment.colour import ColourChange
from rapsam.data.sources.annotated import AnnotatedClip, AnnotatedSource
from rapsam.errors import InputError
from rapsam.models.backbones.resnet import ResNet
from rapsam.models.checkpoint import write_safetensors
from rapsam.models.rapsam.config import VARIANTS
from rapsam.tasks.arrays import Masks, Pixels
from rapsam.tasks.instances import tight_box
from rapsam.tasks.preprocess import MEAN, normalise_and_pad
from rapsam.tasks.resize import resize_image
from rapsam.training.loader import settle_worker
from rapsam.training.samples import epoch_order

SIDE = 64
"""Of a crop, in pixels."""
_SURROUNDINGS = (1.0, 1.6)
"""Side of the square around a thing, in longer sides of its box."""
_COLOUR = 0.3
_IMAGES_PER_STEP = 16
_LR, _WEIGHT_DECAY, _WARMUP = 1e-3, 0.05, 100

Progress = Callable[[int, int, str], None]


class Crops(NamedTuple):
    """Squares of one or more images.

    Attributes:
        pixels: (n, 3, SIDE, SIDE) float32, normalised.
        classes: (n,) int64.
    """

    pixels: Tensor
    classes: Tensor


class SegmentCrops(Dataset[Crops]):
    """All segments of an image as squares, by the number of the image in the run.

    Args:
        source: The data set.
        seed: Decides order and squares.
    """

    def __init__(self, source: AnnotatedSource, seed: int) -> None:
        self.source, self.seed = source, seed

    def __getitem__(self, number: int) -> Crops:
        """Cuts the squares of image `number`; nothing where the image cannot be used."""
        epoch, place = divmod(number, len(self.source))
        order = epoch_order(self.seed, epoch, len(self.source))
        rng = np.random.default_rng([self.seed, number])
        try:
            clip = self.source.read(int(order[place]))
        except InputError:
            return Crops(torch.zeros(0, 3, SIDE, SIDE), torch.zeros(0, dtype=torch.int64))
        return _crops(rng, clip, self.source.label_set.num_things)


def pretrain_backbone(
    model_name: str, source: AnnotatedSource, epochs: float, path: Path, progress: Progress, seed: int = 0
) -> float:
    """Teaches the backbone of a variant and writes its weights, for `rapsam train --backbone`.

    Args:
        model_name: Variant.
        source: Images with their segments.
        epochs: Passes over the images; may be a fraction.
        path: `.safetensors` file to write.
        progress: Told the steps done, all of them, and a note.
        seed: Of everything random.

    Returns:
        Share of the crops of the last steps that were named rightly, 0..1.

    Raises:
        InputError: If the loss is no number any more, or no image has two segments.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = ResNet(VARIANTS[model_name].backbone)
        classify = nn.Linear(backbone.channels[-1], len(source.label_set.labels))
    # The backbone's own `train` would freeze its batch norms.
    nn.Module.train(backbone)
    total = max(1, int(epochs * len(source)) // _IMAGES_PER_STEP)
    optimiser = torch.optim.AdamW(
        [*backbone.parameters(), *classify.parameters()], lr=_LR, weight_decay=_WEIGHT_DECAY
    )
    backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    rights: list[float] = []
    for step, crops in enumerate(_batches(SegmentCrops(source, seed), total), start=1):
        for group in optimiser.param_groups:
            group["lr"] = _LR * min(1.0, step / _WARMUP) * (1 + math.cos(math.pi * step / total)) / 2
        logits = classify(backbone(crops.pixels)[-1].mean(dim=(2, 3)))
        loss = F.cross_entropy(logits, crops.classes)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        if not bool(torch.isfinite(loss)):
            raise InputError(f"step {step}: the loss is no number; {source.name} teaches nothing")
        rights = [*rights[-49:], float((logits.argmax(1) == crops.classes).float().mean())]
        progress(step, total, f"{sum(rights) / len(rights):.1%} named rightly")
    if not rights:
        raise InputError(f"{source.name} has no image with segments; expected something to name")
    write_safetensors(path, backbone.state_dict(), {})
    return sum(rights) / len(rights)


def _batches(crops: SegmentCrops, steps: int) -> Iterator[Crops]:
    loader = DataLoader(
        crops,
        batch_size=_IMAGES_PER_STEP,
        sampler=range(steps * _IMAGES_PER_STEP),
        collate_fn=_joined,
        num_workers=1,
        worker_init_fn=settle_worker,
    )
    # Batch norms need two values of each channel at least.
    yield from (crops for crops in loader if len(crops.classes) > 1)


def _joined(images: Sequence[Crops]) -> Crops:
    pixels, classes = zip(*images, strict=True)
    return Crops(torch.cat(pixels), torch.cat(classes))


def _crops(rng: np.random.Generator, clip: AnnotatedClip, num_things: int) -> Crops:
    pixels, classes = [], []
    for mask, label, crowd in zip(clip.masks[:, 0], clip.classes, clip.crowd, strict=True):
        if crowd or not mask.any():
            continue
        square = _around(rng, mask) if label < num_things else _inside(rng, mask)
        pixels.append(_cut(rng, clip.frames[0], *square))
        classes.append(int(label))
    if not pixels:
        return Crops(torch.zeros(0, 3, SIDE, SIDE), torch.zeros(0, dtype=torch.int64))
    return Crops(torch.stack(pixels), torch.tensor(classes))


def _around(rng: np.random.Generator, mask: Masks) -> tuple[int, int, int]:
    """Gives top, left and side of a square around a thing."""
    x1, y1, x2, y2 = tight_box(mask).tolist()
    side = max(x2 - x1, y2 - y1) * rng.uniform(*_SURROUNDINGS)
    return round((y1 + y2 - side) / 2), round((x1 + x2 - side) / 2), max(8, round(side))


def _inside(rng: np.random.Generator, mask: Masks) -> tuple[int, int, int]:
    """Gives top, left and side of a square with its middle on stuff."""
    y, x = divmod(int(rng.choice(np.flatnonzero(mask))), mask.shape[1])
    side = int(rng.integers(SIDE // 2, SIDE + 1))
    return y - side // 2, x - side // 2, side


def _cut(rng: np.random.Generator, image: Pixels, top: int, left: int, side: int) -> Tensor:
    """Cuts a square, grey where it leaves the image, changes colours, mirrors, and normalises."""
    square = np.full((side, side, 3), np.rint(MEAN), np.uint8)
    rows = slice(max(0, top), min(image.shape[0], top + side))
    columns = slice(max(0, left), min(image.shape[1], left + side))
    seen, y, x = image[rows, columns], rows.start - top, columns.start - left
    square[y : y + seen.shape[0], x : x + seen.shape[1]] = seen
    changed = ColourChange.draw(rng, _COLOUR).applied(resize_image(square, (SIDE, SIDE)))
    if rng.random() < 0.5:
        changed = changed[:, ::-1]
    return torch.from_numpy(normalise_and_pad(changed).pixels[0])
