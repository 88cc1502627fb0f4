"""Time comes from timestamps, and survives being written again."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rapsam.data.videos import VideoFrames, VideoWriter
from rapsam.data.videos.clock import LONGEST_GAP_S, Clock
from tests.data.video_files import encoded, jpeg, packed, picture
from tests.shared_cases import shared_case

UNEVEN_MS = (0, 33, 67, 101, 134, 250, 251, 300, 333)


def times_of(path):
    return [frame.time_s for frame in VideoFrames(path).timed()]


def clocked(*stamps, period=Fraction(1, 10)):
    """The times of timestamps in tenths of a second, again in tenths."""
    clock = Clock(period)
    stamps = [None if stamp is None else Fraction(str(stamp)) / 10 for stamp in stamps]
    times = [clock.time_s(*pair) for pair in zip(stamps, [*stamps[1:], None], strict=True)]
    return [float(10 * time) for time in times]


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ((0, 1, 2.5, 7), [0, 1, 2.5, 7]),
        ((5, 6, 7), [0, 1, 2]),
        ((-3, -2, 0), [0, 1, 3]),
        ((None, None, None), [0, 1, 2]),
        ((0, None, 2, 3), [0, 1, 2, 3]),
        ((0, None, 9, 10), [0, 1, 9, 10]),
        ((0, None, 1, 2), [0, 0.5, 1, 2]),
        ((0, 1, None), [0, 1, 2]),
        ((0, 1, 1, 2), [0, 1, 1.5, 2]),
        ((0, 1, 0.5, 2), [0, 0.25, 0.5, 2]),
        ((0, 1, 900, 2, 3), [0, 1, 1.5, 2, 3]),
        ((0, 1, 2, 0, 1, 2), [0, 1, 2, 3, 4, 5]),
        ((0, 1, 9e9, 9e9 + 1, 9e9 + 3), [0, 1, 2, 3, 5]),
        ((None, 40, 41, 43), [0, 1, 2, 4]),
    ],
)
def test_faulty_timestamps(stamps, times):
    assert clocked(*stamps) == pytest.approx(times)


@given(st.lists(st.none() | st.integers(-(2**40), 2**40).map(Fraction), min_size=1, max_size=30))
def test_times_always_rise_and_never_jump_far(stamps):
    clock = Clock(Fraction(1, 25))
    times = [clock.time_s(*pair) for pair in zip(stamps, [*stamps[1:], None], strict=True)]
    assert times[0] == 0
    assert all(0 < later - time <= LONGEST_GAP_S for time, later in pairwise(times))


@given(st.lists(st.fractions(min_value=Fraction(1, 1000), max_value=100), min_size=1, max_size=30))
def test_rising_timestamps_are_kept(steps):
    stamps = [Fraction(7)]
    for step in steps:
        stamps.append(stamps[-1] + step)
    clock = Clock(Fraction(1, 25))
    times = [clock.time_s(*pair) for pair in zip(stamps, [*stamps[1:], None], strict=True)]
    assert times == [stamp - 7 for stamp in stamps]


def test_uneven_times_are_read(tmp_path):
    path = packed(tmp_path / "a.mkv", [jpeg(picture(step)) for step in range(len(UNEVEN_MS))], UNEVEN_MS)
    assert times_of(path) == [time / 1000 for time in UNEVEN_MS]
    assert float(VideoFrames(path).fps) == pytest.approx(8 / 0.333)


def test_uneven_times_are_written(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", Fraction(25)) as writer:
        for step, time_ms in enumerate(UNEVEN_MS):
            writer.write(picture(step), 2 + time_ms / 1000, 0.05)
    frames = list(VideoFrames(tmp_path / "a.mp4").timed())
    np.testing.assert_allclose([frame.time_s for frame in frames], np.array(UNEVEN_MS) / 1000, atol=2e-5)
    assert frames[-1].duration_s == pytest.approx(0.05, abs=2e-5)


@pytest.mark.parametrize(
    "fps", [Fraction(24_000, 1001), Fraction(30_000, 1001), Fraction(12), Fraction(7, 3)]
)
def test_constant_rates_are_met_exactly(fps, tmp_path):
    with VideoWriter(tmp_path / "a.mp4", fps) as writer:
        for step in range(5):
            writer.write(picture(step), float(step / fps), float(1 / fps))
    video = VideoFrames(tmp_path / "a.mp4")
    assert video.fps == fps
    assert [frame.time_s for frame in video.timed()] == [float(step / fps) for step in range(5)]


def test_the_same_moment_twice_is_no_error(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", Fraction(10)) as writer:
        for step, time_s in enumerate((0, 0.1, 0.1, 0.05, 0.2)):
            writer.write(picture(step), time_s)
    times = times_of(tmp_path / "a.mp4")
    assert len(times) == 5
    assert times[-1] == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize("suffix", ["h264", "m2v", "avi", "ts", "webm", "mov"])
def test_a_constant_rate_in_every_container(suffix, tmp_path):
    """Bare streams carry no timestamps, AVI only some, WebM rounds them to milliseconds."""
    codec = {"h264": "libx264", "m2v": "mpeg2video", "webm": "libvpx", "avi": "libx264"}.get(suffix, "mpeg4")
    path = encoded(tmp_path / f"a.{suffix}", count=8, codec=codec)
    video = VideoFrames(path)
    rate = 25 if suffix in ("h264", "m2v") and video.fps != 10 else 10
    times = [frame.time_s for frame in video.timed()]
    assert times == pytest.approx([step / rate for step in range(8)], abs=2e-3)


def test_the_pauses_of_a_gif(tmp_path):
    frames = [Image.fromarray(picture(step)) for step in (0, 9, 18)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=[100, 1500, 300])
    found = list(VideoFrames(tmp_path / "a.gif").timed())
    assert [frame.time_s for frame in found] == [0, 0.1, 1.6]
    assert found[-1].duration_s == pytest.approx(0.3)


def test_a_recording_of_a_browser():
    frames = list(VideoFrames(shared_case("videos/mediarecorder.webm")).timed())
    assert frames[-1].time_s == pytest.approx(0.433)
    assert 0.39 < frames[-1].time_s + frames[-1].duration_s < 0.477
