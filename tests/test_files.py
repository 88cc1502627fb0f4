"""Files and folders appear whole or not at all, and what a killed process left of them goes away."""

from __future__ import annotations

import contextlib
import os

import pytest

from rapsam.errors import InputError
from rapsam.files import atomic_folder, write_atomic


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with contextlib.suppress(KeyboardInterrupt), atomic_folder(tmp_path / "new" / "out") as folder:
        (folder / "half").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with atomic_folder(tmp_path / "new" / "out") as folder:
        (folder / "whole").write_text("x")
        assert not (tmp_path / "new" / "out").exists()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == [
        "new",
        "new/out",
        "new/out/whole",
    ]


def test_a_used_folder_is_refused(tmp_path):
    write_atomic(tmp_path / "out" / "file", b"x")
    with pytest.raises(InputError, match="exists already"), atomic_folder(tmp_path / "out"):
        pytest.fail("it was given a folder")
    assert (tmp_path / "out" / "file").read_bytes() == b"x"


def test_only_old_scratch_of_the_same_destination_is_removed(tmp_path):
    """Beside it there may be scratch of running processes, of other destinations, and anything else."""
    left = tmp_path / ".out[1].rapsam-k1ll_ed0"
    kept = [
        ".out[1].rapsam-k1ll_ed0.more",
        ".out[1].rapsam-settings-1",
        ".out[1].k1ll_ed0",
        ".out1.rapsam-k1ll_ed0",
        ".other.rapsam-k1ll_ed0",
        "out[1].rapsam-k1ll_ed0",
    ]
    for name in [left.name, *kept]:
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "file").write_text("x")
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / ".out[1].rapsam-running1").mkdir()
    (tmp_path / ".out[1].rapsam-old_file").write_text("x")
    (tmp_path / ".out[1].rapsam-old_link").symlink_to(tmp_path / ".other.rapsam-k1ll_ed0")
    for name in (".out[1].rapsam-old_file", ".out[1].rapsam-old_link"):
        os.utime(tmp_path / name, (0, 0), follow_symlinks=False)
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(left)}
    with atomic_folder(tmp_path / "out[1]"):
        pass
    assert set(tmp_path.rglob("*")) == {*before, tmp_path / "out[1]"}
