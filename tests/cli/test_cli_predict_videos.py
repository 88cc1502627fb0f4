"""`rapsam predict` with videos: every frame, clip by clip, with memory for one clip."""

from __future__ import annotations

import json
import os
import tracemalloc

import av
import numpy as np
import pytest

from rapsam.data.videos import VideoFrames
from tests.cli.cli_runs import assert_refused, rapsam
from tests.data.video_files import jpeg, packed, picture, several


def write_video(path, pixels, count, codec="mpeg4", size=(96, 128), **options):
    """A view that moves over a scene, encoded by PyAV."""
    with av.open(str(path), "w", **options) as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        for step in range(count):
            view = np.roll(pixels, -2 * step, axis=1)[: size[0], : size[1]]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(view), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def check_tracks(out, name, count, size):
    """JSON and overlay speak of every frame of the video."""
    result = json.loads((out / f"{name}.tracks.json").read_text())
    assert (result["num_frames"], result["height"], result["width"]) == (count, *size)
    assert {len(track["segmentations"]) for track in result["tracks"]} <= {count}
    for track in result["tracks"]:
        assert all(rle is None or tuple(rle["size"]) == size for rle in track["segmentations"])
    overlay = VideoFrames(out / f"{name}.overlay.mp4")
    assert len(list(overlay)) == count
    return result


@pytest.mark.parametrize("count", [1, 7, 16])
def test_a_bundle_sees_every_frame(count, pixels, bundle, tmp_path):
    video = write_video(tmp_path / "walk.mp4", pixels, count)
    outcome = rapsam("predict", video, "--bundle", bundle, "--out", tmp_path / "out", "--json")
    assert outcome.code == 0, outcome.err
    files = [str(tmp_path / "out" / f"walk.{suffix}") for suffix in ("overlay.mp4", "tracks.json")]
    assert json.loads(outcome.out)["written"] == {str(video): files}
    result = check_tracks(tmp_path / "out", "walk", count, (96, 128))
    assert result["tracks"]
    seen = [any(track["segmentations"][place] for track in result["tracks"]) for place in range(count)]
    assert all(seen)


@pytest.mark.parametrize("count", [7, 16])
def test_the_network_itself_sees_every_frame(count, pixels, tmp_path, monkeypatch):
    """In clips of up to 5 frames; at the published size of 1280 x 736 px this would take minutes."""
    monkeypatch.setattr("rapsam.models.rapsam.model.VIDEO_TEST_SIZE", (128, 96))
    video = write_video(tmp_path / "walk.mp4", pixels, count)
    outcome = rapsam(
        *("predict", video, "--model", "rapsam_nano", "--out", tmp_path / "out", "--min-score", "0.7")
    )
    assert outcome.code == 0, outcome.err
    assert "weights by formula, untrained" in outcome.err
    check_tracks(tmp_path / "out", "walk", count, (96, 128))


def test_odd_sides(pixels, bundle, tmp_path):
    video = write_video(tmp_path / "odd.mkv", pixels, 3, codec="ffv1", size=(97, 129))
    assert rapsam("predict", video, "--bundle", bundle, "--out", tmp_path / "out").code == 0
    check_tracks(tmp_path / "out", "odd", 3, (97, 129))
    assert VideoFrames(tmp_path / "out" / "odd.overlay.mp4").size == (98, 130)


def test_a_folder_may_hold_both(pixels, photo, bundle, tmp_path):
    (tmp_path / "both").mkdir()
    photo.rename(tmp_path / "both" / "a.png")
    write_video(tmp_path / "both" / "b.MOV", pixels, 2)
    outcome = rapsam("predict", tmp_path / "both", "--bundle", bundle, "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert [line.rpartition("/")[2] for line in outcome.out.splitlines()] == [
        *("a.overlay.png", "a.panoptic.png", "a.panoptic.json", "b.overlay.mp4", "b.tracks.json")
    ]


def test_prompts_are_refused(pixels, photo, bundle, tmp_path):
    video = write_video(tmp_path / "walk.mp4", pixels, 2)
    arguments = ("--bundle", bundle, "--out", tmp_path / "out", "--point", "3,3")
    assert_refused(rapsam("predict", video, *arguments), "walk.mp4 is a video; prompts work on images only")
    assert not (tmp_path / "out").exists()
    both = rapsam("predict", photo, video, *arguments)
    assert_refused(both, "walk.mp4 is a video; prompts work on images only")
    assert "loading" not in both.err
    assert not (tmp_path / "out").exists()


def cut_away_the_index(path):
    os.truncate(path, path.stat().st_size // 2)


def write_text(path):
    path.write_text("hello")


def write_an_image(path):
    write_text(path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))


@pytest.mark.parametrize("damage", [cut_away_the_index, write_text, write_an_image])
def test_what_is_no_video_is_refused(damage, pixels, bundle, tmp_path):
    video = write_video(tmp_path / "walk.mp4", pixels, 8)
    damage(video)
    outcome = rapsam("predict", video, "--bundle", bundle, "--out", tmp_path / "out")
    assert_refused(outcome, "walk.mp4 is not a video that can be read")
    assert not (tmp_path / "out").exists()


def test_a_truncated_video_leaves_no_half_result(bundle, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    video = write_video(tmp_path / "walk.mp4", noise, 20, options={"movflags": "faststart"})
    os.truncate(video, video.stat().st_size * 3 // 4)
    outcome = rapsam("predict", video, "--bundle", bundle, "--out", tmp_path / "out", "--min-score", 1)
    assert_refused(outcome, "walk.mp4 is damaged or truncated after frame")
    assert not (tmp_path / "out").exists()


def test_memory_does_not_grow_with_the_video(bundle, tmp_path):
    """Frames are 0.23 MB each: forty of them would show."""
    pixels = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    peaks = []
    for count in (8, 40):
        video = write_video(tmp_path / f"{count}.mp4", pixels, count, size=(240, 320))
        tracemalloc.start()
        outcome = rapsam("predict", video, "--bundle", bundle, "--out", tmp_path / "out", "--min-score", 1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert outcome.code == 0, outcome.err
    assert peaks[1] < peaks[0] + 3e6


def test_results_keep_the_times_of_the_frames(bundle, tmp_path):
    """A browser's recording: uneven timestamps, no declared rate."""
    times_ms = (0, 33, 67, 250, 251, 300)
    video = packed(tmp_path / "cam-12:30:05.mkv", [jpeg(picture(step)) for step in range(6)], times_ms)
    outcome = rapsam("predict", video, "--bundle", bundle, "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    result = check_tracks(tmp_path / "out", "cam-12:30:05", 6, (48, 64))
    assert result["times_s"] == [time / 1000 for time in times_ms]
    assert result["duration_s"] == pytest.approx(0.34, abs=0.01)
    assert result["fps"] == pytest.approx(6 / result["duration_s"])
    overlay = list(VideoFrames(tmp_path / "out" / "cam-12:30:05.overlay.mp4").timed())
    assert [frame.time_s for frame in overlay] == pytest.approx(result["times_s"], abs=1e-4)
    assert overlay[-1].time_s + overlay[-1].duration_s == pytest.approx(result["duration_s"], abs=1e-4)


def test_the_chosen_stream_is_named(bundle, tmp_path):
    video = several(tmp_path / "a.mkv", (1, 200, 200, "mjpeg"), (3, 48, 64, "mpeg4"))
    outcome = rapsam("predict", video, "--bundle", bundle, "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert "a.mkv: taking video stream 2 of 2 (mpeg4, 64x48 px)" in outcome.err
    check_tracks(tmp_path / "out", "a", 3, (48, 64))


def change_size(path):
    packed(path, [jpeg(picture(0, *size)) for size in ((48, 64), (48, 64), (80, 96))], (0, 40, 80))
    return "changes its size at frame 3"


def name_an_unknown_codec(path):
    several(path, (3, 48, 64, "ffv1"))
    path.write_bytes(path.read_bytes().replace(b"V_FFV1", b"V_QQQ1"))
    return "holds pictures of a codec that is unknown here"


@pytest.mark.parametrize("damage", [change_size, name_an_unknown_codec])
def test_refused_videos_leave_no_folder(damage, bundle, tmp_path):
    says = damage(tmp_path / "a.mkv")
    outcome = rapsam("predict", tmp_path / "a.mkv", "--bundle", bundle, "--out", tmp_path / "new" / "out")
    assert_refused(outcome, "a.mkv", says)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


def test_results_are_written_together(bundle, tmp_path):
    """Where the record cannot stand, no overlay is written."""
    video = several(tmp_path / "a.mkv", (2, 48, 64, "mpeg4"))
    (tmp_path / "out" / "a.tracks.json").mkdir(parents=True)
    outcome = rapsam("predict", video, "--bundle", bundle, "--out", tmp_path / "out")
    assert_refused(outcome, "a.tracks.json is a folder, where a result is to stand")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.tracks.json"]
