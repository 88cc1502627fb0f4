"""Regions that are asked for point after point, by an app and by Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rapsam.inference.segmenter import Segmenter
from rapsam.tasks.arrays import Floats, Masks, Pixels
from rapsam.tasks.draw import draw_interactive
from rapsam.tasks.prompt_set import Prompt, PromptSet
from tests.apps.test_photo_page import iou

IOU = 0.999
Step = Mapping[str, Any]


class Refined(NamedTuple):
    """A region as Python has it.

    Attributes:
        prompt: What was asked last.
        logits: (h, w) mask logits of the answer.
        mask: (h0, w0) bool.
        predicted_iou: Of it.
    """

    prompt: Prompt
    logits: Floats
    mask: Masks
    predicted_iou: float


def steps_on(size: tuple[int, int], max_points: int) -> list[Step]:
    """Taps and boxes on a picture of this size, one after another, and what each of them means."""
    height, width = size
    further = [
        {"at": [width * 0.75, height * 0.3], "meaning": "Add"},
        {"at": [width * 0.1, height * 0.8], "meaning": "Take away"},
    ]
    return [
        {"at": [width * 0.4, height * 0.5], "meaning": "New region"},
        *further[: max_points - 1],
        {"at": [width * 0.1, height * 0.2, width * 0.8, height * 0.9], "meaning": "New region"},
        {"at": [width * 0.5, height * 0.6], "meaning": "Take away"},
    ]


def assert_refined(
    bundle: Segmenter, image: Pixels, steps: Sequence[Step], told: Sequence[Sequence[float]], scratch: Path
) -> None:
    """Compares what an app answered to steps, and left as files, with what Python answers.

    Args:
        bundle: That was asked.
        image: The photo.
        steps: See `steps_on`.
        told: Predicted IoUs of all regions after each step.
        scratch: Where the app left `STEP.maskREGION.bin`, and `painted.bin`, B, G, R and another
            byte for each pixel.
    """
    size = image.shape[:2]
    for number, (scores, regions) in enumerate(zip(told, _refined(bundle, image, steps), strict=True)):
        for place, region in enumerate(regions):
            mine = np.fromfile(scratch / f"{number}.mask{place}.bin", np.uint8).reshape(size)
            assert iou(mine.astype(bool), region.mask) >= IOU
        np.testing.assert_allclose(scores, [region.predicted_iou for region in regions], atol=1e-5)
    assert [len(scores) for scores in told] == [1] * (len(steps) - 2) + [2, 2]
    painted = np.fromfile(scratch / "painted.bin", np.uint8).reshape(*size, 4)[..., 2::-1]
    masks, prompts = np.stack([region.mask for region in regions]), tuple(region.prompt for region in regions)
    expected = draw_interactive(image, masks, PromptSet(prompts))
    alike = np.abs(painted.astype(int) - expected).max(axis=-1) <= 1
    assert np.count_nonzero(alike) >= IOU * alike.size


def _refined(bundle: Segmenter, image: Pixels, steps: Sequence[Step]) -> Iterator[list[Refined]]:
    """What `rapsam predict` answers to steps, each with the answer before as its `--mask`."""
    embedded, regions = bundle.embed(image), []
    for step in steps:
        place = tuple(step["at"])
        prompt = Prompt(box=place)
        if len(place) == 2:
            fresh = step["meaning"] == "New region"
            before, logits = (Prompt(), None) if fresh else regions.pop()[:2]
            positive = (*before.positive, step["meaning"] != "Take away")
            prompt = before._replace(points=(*before.points, place), positive=positive, mask=logits)
        answered = embedded.segment(PromptSet((prompt,)))
        regions.append(
            Refined(prompt, answered.logits[0], answered.masks[0], float(answered.predicted_iou[0]))
        )
        yield regions
