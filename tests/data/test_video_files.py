from __future__ import annotations

import wave
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from rapsam.data.videos import VideoFrames, VideoWriter
from rapsam.errors import InputError


def frame(step, height=48, width=64):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns * 3 % 256, rows * 3 % 256, np.full_like(rows, 10 * step)], axis=-1).astype(
        np.uint8
    )


def written(path, count=6, fps=Fraction(10), **size):
    with VideoWriter(path, fps) as writer:
        for step in range(count):
            writer.write(frame(step, **size))
    return path


def encoded(path, count=7, codec="mpeg4", noise=False, rotation=0, **options):
    """Writes a video with PyAV itself, to test what our writer does not make."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w", **options) as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"g": "5"}
        if rotation:
            stream.set_display_rotation(rotation)
        for step in range(count):
            pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) if noise else frame(step)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_what_is_written_is_read(tmp_path):
    video = VideoFrames(written(tmp_path / "a.mp4", fps=Fraction(30_000, 1001)))
    frames = list(video)
    assert (video.num_frames, video.fps, video.size) == (6, Fraction(30_000, 1001), (48, 64))
    assert len(frames) == 6
    for step, pixels in enumerate(frames):
        assert pixels.dtype == np.uint8
        assert pixels.flags.c_contiguous
        assert np.abs(pixels.astype(int) - frame(step)).mean() < 6


def test_frames_can_be_iterated_again(tmp_path):
    video = VideoFrames(written(tmp_path / "a.mp4"))
    next(iter(video))
    np.testing.assert_array_equal(list(video), list(video))


def test_odd_sides_gain_a_line(tmp_path):
    video = VideoFrames(written(tmp_path / "a.mp4", height=47, width=63))
    assert video.size == (48, 64)


@pytest.mark.parametrize("fps", [Fraction(1, 5000), Fraction(1, 3), Fraction(240)])
@pytest.mark.parametrize("size", [(2, 2), (5, 300)])
def test_unusual_rates_and_sizes(tmp_path, fps, size):
    video = VideoFrames(written(tmp_path / "a.mp4", fps=fps, height=size[0], width=size[1]))
    assert len(list(video)) == 6
    assert video.size == (size[0] + size[0] % 2, size[1])


def test_single_frame(tmp_path):
    video = VideoFrames(written(tmp_path / "a.mp4", count=1))
    assert (video.num_frames, len(list(video))) == (1, 1)


@pytest.mark.parametrize("suffix", ["mkv", "avi", "mov", "mp4"])
def test_frames_are_counted(tmp_path, suffix):
    video = VideoFrames(encoded(tmp_path / f"a.{suffix}"))
    assert (video.num_frames, len(list(video))) == (7, 7)
    assert video.fps == 10


def test_animated_gif(tmp_path):
    frames = [Image.fromarray(frame(step)) for step in (0, 9, 18)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=100)
    video = VideoFrames(tmp_path / "a.gif")
    assert (video.num_frames, len(list(video))) == (3, 3)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_videos_of_turned_phones_are_upright(tmp_path, rotation):
    video = VideoFrames(encoded(tmp_path / "a.mp4", codec="libx264", rotation=rotation))
    upright = np.rot90(frame(0), rotation // 90)
    assert video.size == upright.shape[:2]
    assert np.abs(next(iter(video)).astype(int) - upright).mean() < 6


def test_damaged_video_names_the_frame(tmp_path):
    path = encoded(tmp_path / "a.mp4", 40, "libx264", noise=True, options={"movflags": "faststart"})
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.mp4 is damaged or truncated after frame \d+"):
        list(VideoFrames(path))


@pytest.mark.parametrize("keep", [0.5, 0.8])
def test_truncated_video_is_noticed(tmp_path, keep):
    path = encoded(tmp_path / "a.mp4", 40, "mpeg4", noise=True, options={"movflags": "faststart"})
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(InputError, match=r"a\.mp4 is damaged or truncated"):
        list(VideoFrames(path))


def test_video_cut_before_its_index_is_refused(tmp_path):
    path = encoded(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match=r"a\.mp4 is not a video that can be read"):
        VideoFrames(path)


def test_header_without_frames_is_refused(tmp_path):
    path = encoded(tmp_path / "a.avi", noise=True)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"movi") + 4])
    with pytest.raises(InputError, match=r"a\.avi"):
        VideoFrames(path)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text.mp4").write_text("hello world\n" * 100)
    (tmp_path / "notes.txt").write_text("hello world\n" * 100)
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\na.mp4\n")
    Image.fromarray(frame(0)).save(tmp_path / "still.png")
    Image.fromarray(frame(0)).save(tmp_path / "still.jpg")
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", "none"))
        sound.writeframes(bytes(8000))
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(InputError, match=rf"{path.name} is not a video that can be read"):
            VideoFrames(path)


def test_sound_alone_is_refused(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="holds no pictures"):
        VideoFrames(tmp_path / "a.mp4")


def test_missing_folder_and_empty_are_refused(tmp_path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    with pytest.raises(InputError, match=r"empty\.mp4 is empty"):
        VideoFrames(tmp_path / "empty.mp4")
    with pytest.raises(InputError, match="is a folder"):
        VideoFrames(tmp_path)
    with pytest.raises(InputError, match=r"none\.mp4 does not exist"):
        VideoFrames(tmp_path / "none.mp4")


def test_frames_over_the_limit_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("rapsam.data.limits.MAX_PIXELS", 1000)
    with pytest.raises(InputError, match="is 64x48 px"):
        VideoFrames(encoded(tmp_path / "a.mp4"))


def interrupted(path):
    with VideoWriter(path, Fraction(5)) as writer:
        writer.write(frame(0))
        raise KeyError


def changing(path):
    with VideoWriter(path, Fraction(5)) as writer:
        writer.write(frame(0))
        writer.write(frame(0, height=40))


def test_an_error_leaves_no_file(tmp_path):
    with pytest.raises(KeyError):
        interrupted(tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_an_error_keeps_the_older_file(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"older")
    with pytest.raises(KeyError):
        interrupted(path)
    assert path.read_bytes() == b"older"


def test_no_frames_no_file(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", Fraction(5)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_change_of_size_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"frame of \[40, 64\] in a video of another size"):
        changing(tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_unwritable_places_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"a\.avi does not end in \.mp4"):
        VideoWriter(tmp_path / "a.avi", Fraction(5))
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot write"):
        VideoWriter(tmp_path / "file" / "a.mp4", Fraction(5))
