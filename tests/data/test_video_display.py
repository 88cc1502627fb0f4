"""Frames are read as players show them: the whole display matrix, and square pixels."""

from __future__ import annotations

import math
import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest

from rapsam.data.videos import VideoFrames
from rapsam.errors import InputError
from tests.data.video_files import encoded, jpeg, packed, picture
from tests.shared_cases import shared_case

ONE = 1 << 16
EIGHT = [
    *((1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1), (-1, 0, 0, -1)),
    *((0, 1, 1, 0), (0, 1, -1, 0), (0, -1, 1, 0), (0, -1, -1, 0)),
]


def matrix(a, b, c, d, scale=1.0):
    a, b, c, d = (round(part * scale * ONE) for part in (a, b, c, d))
    return [a, b, 0, c, d, 0, 0, 0, 1 << 30]


def shown(pixels, a, b, c, d):
    """Puts each pixel where the matrix says: x' = ax + cy, y' = bx + dy, from the corner of the result."""
    places = {}
    for y, x in np.ndindex(*pixels.shape[:2]):
        places[(b * x + d * y, a * x + c * y)] = pixels[y, x]
    rows, columns = (sorted({place[axis] for place in places}) for axis in (0, 1))
    return np.array([[places[(row, column)] for column in columns] for row in rows])


def difference(found, expected):
    assert found.shape == expected.shape
    return np.abs(found.astype(int) - expected).mean()


@pytest.mark.parametrize("parts", EIGHT)
def test_each_orientation(parts, tmp_path):
    video = VideoFrames(encoded(tmp_path / "a.mp4", matrix=matrix(*parts)))
    expected = shown(picture(), *parts)
    assert video.size == expected.shape[:2]
    assert difference(next(iter(video)), expected) < 6


@pytest.mark.parametrize(("degrees", "scale"), [(0, 0.5), (4, 1), (-3, 2), (90.5, 1)])
def test_near_orientations_count_as_them(degrees, scale, tmp_path):
    turn = math.radians(degrees)
    parts = (math.cos(turn), math.sin(turn), -math.sin(turn), math.cos(turn))
    video = VideoFrames(encoded(tmp_path / "a.mp4", matrix=matrix(*parts, scale=scale)))
    assert difference(next(iter(video)), shown(picture(), *map(round, parts))) < 6


@pytest.mark.parametrize("parts", [(0.7, 0.7, -0.7, 0.7), (1, 0, 1, 0), (1, 1, 1, 1)])
def test_odd_angles_and_shears_are_refused(parts, tmp_path):
    with pytest.raises(
        InputError, match=r"a\.mp4 is to be shown turned by an odd angle or sheared; expected"
    ):
        VideoFrames(encoded(tmp_path / "a.mp4", matrix=matrix(*parts)))


def test_a_matrix_of_zeros_is_none(tmp_path):
    video = VideoFrames(encoded(tmp_path / "a.mp4", matrix=[0] * 9))
    assert difference(next(iter(video)), picture()) < 6


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        (Fraction(2), (48, 128)),
        (Fraction(1, 2), (96, 64)),
        (Fraction(64, 45), (48, 91)),
        (Fraction(1), (48, 64)),
    ],
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_pixels_become_square(suffix, aspect, size, tmp_path):
    video = VideoFrames(encoded(tmp_path / f"a.{suffix}", aspect=aspect))
    assert video.size == size
    stretched = next(iter(video)).astype(int)
    # The picture is the same from edge to edge.
    assert (
        np.abs(stretched[[0, 0, -1, -1], [0, -1, 0, -1]] - picture()[[0, 0, -1, -1], [0, -1, 0, -1]]).max()
        < 20
    )


def test_pixels_are_stretched_before_they_are_turned(tmp_path):
    video = VideoFrames(encoded(tmp_path / "a.mp4", aspect=Fraction(2), matrix=matrix(0, 1, -1, 0)))
    assert video.size == (128, 48)


def test_the_limits_hold_for_square_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr("rapsam.data.limits.MAX_SIDE", 100)
    with pytest.raises(InputError, match=r"a\.mp4 is 128x48 px; expected sides of at most 100 px"):
        VideoFrames(encoded(tmp_path / "a.mp4", aspect=Fraction(2)))


def test_the_cases_of_real_people():
    stored = shared_case("videos/hflip.mp4")
    mirrored = next(iter(VideoFrames(stored)))
    with av.open(str(stored)) as container:
        plain = next(container.decode(video=0)).to_ndarray(format="rgb24")
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])
    assert VideoFrames(shared_case("videos/anamorphic.mp4")).size == (96, 171)


def test_a_change_of_size_is_refused(tmp_path):
    sizes = [(48, 64), (48, 64), (80, 96), (48, 64)]
    path = packed(tmp_path / "a.mkv", [jpeg(picture(0, *size)) for size in sizes], range(0, 160, 40))
    video = VideoFrames(path)
    with pytest.raises(
        InputError, match=r"a\.mkv changes its size at frame 3, from 64x48 to 96x80 px; expected"
    ):
        list(video)


def test_a_far_larger_frame_is_not_converted(tmp_path):
    large = jpeg(np.zeros((3000, 4000, 3), np.uint8))
    path = packed(tmp_path / "a.mkv", [jpeg(picture())] * 2 + [large], range(0, 120, 40))
    tracemalloc.start()
    with pytest.raises(InputError, match=r"changes its size at frame 3, from 64x48 to 4000x3000 px"):
        list(VideoFrames(path))
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_a_frame_beyond_the_limit_is_not_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr("rapsam.data.limits.MAX_PIXELS", 10_000)
    path = packed(tmp_path / "a.mkv", [jpeg(picture())] * 2 + [jpeg(picture(0, 200, 200))], range(0, 120, 40))
    with pytest.raises(InputError, match=r"a\.mkv is damaged or truncated after frame 2 \("):
        list(VideoFrames(path))


@pytest.mark.parametrize(
    "name", ["mj_change.mkv", "unknown_codec.mkv", "unknown_codec.mp4", "y4m_badframe.mp4"]
)
def test_hostile_cases_are_refused(name):
    with pytest.raises(InputError, match=name):
        list(VideoFrames(shared_case(f"hostile/{name}")))
