from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from rapsam.errors import InputError
from rapsam.metrics.mask_iou import mask_iou
from rapsam.metrics.tubes import TubeRecorder


def recorded(masks):
    """Records (n, frames, h, w) masks frame by frame; gives the n tubes."""
    recorder = TubeRecorder()
    for frame in range(masks.shape[1]):
        recorder.add(masks[:, frame], range(len(masks)))
    return [recorder.tube(number) for number in range(len(masks))]


@given(seed=st.integers(0, 1000), share=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))
def test_iou_of_tubes_sums_over_the_frames(seed, share):
    rng = np.random.default_rng(seed)
    ours, theirs = rng.random((3, 4, 5, 6)) < share, rng.random((2, 4, 5, 6)) < 0.5
    # Something must be there, as pycocotools calls two empty masks unequal.
    ours[:, 0, 0, 0] = theirs[:, 0, 0, 0] = True
    found = coco_mask.iou(recorded(ours), recorded(theirs), [0, 0])
    np.testing.assert_allclose(found, mask_iou(ours, theirs))
    np.testing.assert_array_equal(coco_mask.area(recorded(ours)), ours.sum(axis=(1, 2, 3)))


def test_a_track_may_be_missing_in_some_frames():
    recorder = TubeRecorder()
    recorder.add(np.ones((1, 2, 2), bool), [5])
    recorder.add(np.zeros((0, 2, 2), bool), [])
    recorder.add(np.ones((2, 2, 2), bool), [7, 5])
    assert [int(coco_mask.area(recorder.tube(number))) for number in (5, 7, 9)] == [8, 4, 0]


def test_frames_of_another_size_are_refused():
    recorder = TubeRecorder()
    recorder.add(np.ones((1, 2, 2), bool), [0])
    with pytest.raises(InputError, match=r"masks of frame 1 are \[2, 3\], those before \[2, 2\]"):
        recorder.add(np.ones((1, 2, 3), bool), [0])
