from __future__ import annotations

import numpy as np

from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.data.sources.prompts import prompt_segments


def clip_of(*areas, crowd=()):
    masks = np.zeros((len(areas), 1, 10, 10), bool)
    for mask, area in zip(masks, areas, strict=True):
        mask.reshape(-1)[:area] = True
    return AnnotatedClip(
        name="a",
        key=1,
        frames=np.zeros((1, 10, 10, 3), np.uint8),
        masks=masks,
        classes=np.arange(len(areas)),
        crowd=np.array([place in crowd for place in range(len(areas))], bool),
        ids=np.arange(len(areas)) + 100,
    )


def test_small_segments_and_crowds_are_left_out():
    kept = prompt_segments(clip_of(31, 32, 100, 0, 90, crowd=(2,)))
    assert kept.ids.tolist() == [101, 104]
    assert kept.masks.sum(axis=(1, 2, 3)).tolist() == [32, 90]
    assert kept.classes.tolist() == [-1, -1]
    assert (kept.crowd.tolist(), kept.classes.dtype) == ([False, False], np.int64)


def test_none_may_be_left():
    assert prompt_segments(clip_of(5)).masks.shape == (0, 1, 10, 10)
    assert prompt_segments(clip_of()).masks.shape == (0, 1, 10, 10)
