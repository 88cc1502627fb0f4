from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.errors import InputError
from rapsam.tasks.clips import clip_ends, clip_length
from tests.golden_files import golden


def test_golden():
    stored = golden("postproc_synth")
    cuts = [re.fullmatch(r"video_split_(\d+)_(\d+)_(\d+)", name) for name in stored.files]
    found = [match for match in cuts if match]
    assert found
    for match in found:
        frames, size, overlap = map(int, match.groups())
        assert clip_ends(frames, size, overlap) == stored[match.group()].tolist(), match.group()


@given(frames=st.integers(1, 300), size=st.integers(1, 12))
def test_clips_partition_the_video(frames, size):
    ends = clip_ends(frames, size)
    lengths = np.diff([0, *ends])
    assert ends[-1] == frames
    assert len(ends) == -(-frames // size)
    assert (lengths >= 1).all()
    assert (lengths <= size).all()
    assert (np.diff(lengths) <= 0).all()
    excess = len(ends) * size - frames
    if excess < len(ends):
        assert lengths.tolist() == [size] * (len(ends) - excess) + [size - 1] * excess
    else:
        assert lengths.tolist() == [size] * (len(ends) - 1) + [size - excess]


@given(frames=st.integers(1, 100), size=st.integers(2, 9), data=st.data())
def test_overlapping_clips_share_frames(frames, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    ends = clip_ends(frames, size, overlap)
    starts = [0, *(end - overlap for end in ends[:-1])]
    assert ends[-1] == frames
    assert all(
        overlap <= end - start <= size or len(ends) == 1 for start, end in zip(starts, ends, strict=True)
    )
    assert sorted(ends) == ends


@pytest.mark.parametrize(("frames", "expected"), [(1, 3), (15, 3), (16, 5), (500, 5)])
def test_clip_length(frames, expected):
    assert clip_length(frames) == expected


@pytest.mark.parametrize("arguments", [(0, 3, 0), (5, 0, 0), (5, 3, 3), (5, 3, -1)])
def test_impossible_cuts_are_refused(arguments):
    with pytest.raises(InputError, match=f"cannot cut {arguments[0]} frames into clips of {arguments[1]}"):
        clip_ends(*arguments)
