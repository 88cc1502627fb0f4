"""Opening videos: names, endings, and the choice among several streams."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from rapsam.data.videos import SUFFIXES, VideoFrames, VideoWriter
from rapsam.errors import InputError
from tests.data.video_files import encoded, picture, several
from tests.shared_cases import shared_case

# How to make a file of each ending, if not as MPEG-4 by the muxer that FFmpeg takes for it.
MUXERS = {
    **dict.fromkeys((".m2ts", ".mts", ".ts"), ("mpegts", "mpeg2video")),
    **dict.fromkeys((".mpe", ".mpeg", ".mpg", ".vob"), ("mpeg", "mpeg1video")),
    **dict.fromkeys((".264", ".h264"), ("h264", "libx264")),
    **dict.fromkeys((".265", ".h265", ".hevc"), ("hevc", "libx265")),
    **dict.fromkeys((".mjpeg", ".mjpg"), ("mjpeg", "mjpeg")),
    **dict.fromkeys((".wmv", ".asf"), ("asf", "wmv2")),
    **dict.fromkeys((".ogv", ".ogm"), ("ogg", "libvpx")),
    **dict.fromkeys((".m4v", ".mj2"), ("mp4", "mpeg4")),
    ".f4v": ("f4v", "libx264"),
    ".flv": ("flv", "flv"),
    ".ivf": ("ivf", "libvpx"),
    ".m1v": ("mpeg1video", "mpeg1video"),
    ".m2v": ("mpeg2video", "mpeg2video"),
    ".mk3d": ("matroska", "mpeg4"),
    ".qt": ("mov", "mpeg4"),
    ".webm": ("webm", "libvpx"),
    ".y4m": ("yuv4mpegpipe", "wrapped_avframe"),
}
FILM, PREVIEW, COVER = (12, 96, 128, "mpeg4"), (2, 48, 64, "mpeg4"), (1, 200, 200, "mjpeg")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_listed_suffix_is_read(suffix, tmp_path):
    kind, codec = MUXERS.get(suffix, (None, "mpeg4"))
    count = 4
    path = tmp_path / f"a{suffix.upper()}"
    made = encoded(tmp_path / f"made{suffix}", count, codec, **({"format": kind} if kind else {}))
    made.rename(path)
    video = VideoFrames(path)
    assert video.size == (48, 64)
    assert len(list(video)) == count


@pytest.mark.parametrize(
    "name", ["cam-12:30:05.mp4", "http:a.mp4", "file:a.mp4", "a%20b?c#d.mp4", "a\udcff.mp4"]
)
def test_names_are_files_not_addresses(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with VideoWriter(Path(name), Fraction(10)) as writer:
        writer.write(picture())
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(list(VideoFrames(Path(name)))) == 1


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
@pytest.mark.parametrize("streams", [(COVER, FILM), (PREVIEW, FILM), (FILM, PREVIEW), (FILM, COVER)])
def test_the_film_is_taken(streams, suffix, tmp_path):
    video = VideoFrames(several(tmp_path / f"a.{suffix}", *streams))
    assert (video.size, video.num_frames, len(list(video))) == ((96, 128), 12, 12)
    assert video.choice == f"video stream {streams.index(FILM) + 1} of 2 (mpeg4, 128x96 px)"


def test_of_equal_films_the_larger_is_taken(tmp_path):
    """Matroska by FFmpeg marks none of them as default."""
    video = VideoFrames(several(tmp_path / "a.mkv", (12, 48, 64, "mpeg4"), FILM))
    assert video.size == (96, 128)


def test_of_equal_films_the_default_is_taken(tmp_path):
    """MP4 by FFmpeg marks the first one."""
    assert VideoFrames(several(tmp_path / "a.mp4", (12, 48, 64, "mpeg4"), FILM)).size == (48, 64)


def test_a_single_stream_is_no_choice(tmp_path):
    assert VideoFrames(encoded(tmp_path / "a.mp4")).choice is None


def test_an_unknown_codec_is_refused(tmp_path):
    path = encoded(tmp_path / "a.mkv")
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/ASP", b"V_QQQQQ/QQQ/QQQ"))
    with pytest.raises(
        InputError, match=r"a\.mkv holds pictures of a codec that is unknown here; expected one"
    ):
        VideoFrames(path)


def test_an_unknown_codec_beside_a_known_one_is_left_out(tmp_path):
    path = several(tmp_path / "a.mkv", (12, 96, 128, "ffv1"), (3, 48, 64, "mpeg4"))
    path.write_bytes(path.read_bytes().replace(b"V_FFV1", b"V_QQQ1"))
    video = VideoFrames(path)
    assert video.size == (48, 64)
    assert video.choice == "video stream 2 of 2 (mpeg4, 64x48 px)"


@pytest.mark.parametrize(
    ("suffix", "codec", "kind"), [(".y4m", "wrapped_avframe", "yuv4mpegpipe"), (".ivf", "libvpx", "ivf")]
)
@pytest.mark.parametrize("missing", [1, 20, -1])
def test_a_raw_video_that_ends_within_a_frame_is_noticed(suffix, codec, kind, missing, tmp_path):
    path = encoded(tmp_path / f"a{suffix}", codec=codec, format=kind)
    content, two = path.read_bytes(), encoded(tmp_path / f"b{suffix}", 2, codec, format=kind)
    assert len(list(VideoFrames(path))) == 3
    # Within the last frame, or within the few bytes in front of it.
    end = len(content) - missing if missing > 0 else two.stat().st_size + 4
    path.write_bytes(content[:end])
    with pytest.raises(InputError, match=r"^\S+ is damaged or truncated after frame 2; expected"):
        list(VideoFrames(path))


def test_damage_met_while_counting_names_file_and_frame(tmp_path):
    path = encoded(tmp_path / "a.y4m", codec="wrapped_avframe", format="yuv4mpegpipe")
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"FRAME")] + b"FRAMF" + content[content.rindex(b"FRAME") + 5 :])
    with pytest.raises(InputError, match=r"a\.y4m is damaged or truncated after frame 2 \(Invalid data"):
        VideoFrames(path)


LIMITED = """
import resource, sys
from pathlib import Path
from rapsam.data.videos import VideoFrames
from rapsam.errors import MemoryLimitError
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 12_000_000,) * 2)
try:
    print(len(list(VideoFrames(Path(sys.argv[1])))))
except MemoryLimitError as error:
    print("refused:", error)
"""


def test_too_little_memory_names_the_file(tmp_path):
    path = encoded(tmp_path / "a.mp4", count=1, codec="libx264", size=(2000, 2000))
    outcome = subprocess.run(
        [sys.executable, "-c", LIMITED, path], capture_output=True, text=True, check=False
    )
    assert outcome.stdout == f"refused: {path} needs more memory than there is; take a smaller one\n", outcome


@pytest.mark.parametrize("name", ["cover_first.mkv", "two_videos.mp4"])
def test_the_cases_of_real_people(name):
    video = VideoFrames(shared_case(f"videos/{name}"))
    assert (video.size, video.num_frames, len(list(video))) == ((96, 128), 12, 12)
    assert video.choice == "video stream 2 of 2 (h264, 128x96 px)"
