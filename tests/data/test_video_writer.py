"""A disk that fills up, and folders that were made for nothing."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from fractions import Fraction

import numpy as np
import pytest

from rapsam.data.videos import VideoFrames, VideoWriter
from rapsam.errors import InputError
from tests.data.video_files import picture

NOISE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@contextmanager
def disk_of(size_bytes):
    """No file may grow beyond a size, which FFmpeg meets as it would meet a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write(path, count):
    with VideoWriter(path, Fraction(10)) as writer:
        for _ in range(count):
            writer.write(NOISE)


def test_a_full_disk_leaves_nothing(tmp_path):
    write(tmp_path / "whole.mp4", 8)
    size = (tmp_path / "whole.mp4").stat().st_size
    for limit in (0, 1, 40, 1000, size // 2, size - 600, size - 100, size - 1):
        with disk_of(limit), pytest.raises(InputError, match=r"cannot write .*b/c/a\.mp4: File too large"):
            write(tmp_path / "b" / "c" / "a.mp4", 8)
        assert [path.name for path in tmp_path.iterdir()] == ["whole.mp4"]
    with disk_of(size):
        write(tmp_path / "b" / "a.mp4", 8)
    assert len(list(VideoFrames(tmp_path / "b" / "a.mp4"))) == 8


def test_a_full_disk_keeps_the_older_file(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"older")
    with disk_of(500), pytest.raises(InputError, match="File too large"):
        write(path, 8)
    assert path.read_bytes() == b"older"
    assert len(list(tmp_path.iterdir())) == 1


def failing(path):
    with VideoWriter(path, Fraction(10)) as writer:
        writer.write(picture())
        raise KeyError


def test_only_folders_made_for_nothing_are_removed(tmp_path):
    (tmp_path / "kept").mkdir()
    with pytest.raises(KeyError):
        failing(tmp_path / "kept" / "new" / "a.mp4")
    assert [path.name for path in tmp_path.rglob("*")] == ["kept"]
