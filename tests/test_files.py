"""Files and folders appear whole or not at all, and what a killed process left of them goes away."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import stat
import subprocess
import sys

import pytest

from rapsam.errors import InputError
from rapsam.files import (
    atomic_folder,
    check_new_folder,
    check_outside_bundles,
    check_writable,
    write_atomic,
)


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


@pytest.mark.parametrize(("mask", "file", "folder"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700)])
def test_permissions_are_what_the_user_asks_for(mask, file, folder, tmp_path):
    before = os.umask(mask)
    try:
        write_atomic(tmp_path / "file", b"x")
        with atomic_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("file", "folder")]
    assert modes == [file, folder]


def test_a_name_as_long_as_a_name_can_be_is_written(tmp_path):
    write_atomic(tmp_path / ("a" * 251 + ".png"), b"x")
    with pytest.raises(InputError, match=r"File name too long; choose .* a shorter name"):
        write_atomic(tmp_path / ("a" * 252 + ".png"), b"x")
    assert len(list(tmp_path.iterdir())) == 1


def test_half_files_of_killed_processes_are_removed_after_a_day(tmp_path):
    old, new, foreign = ".rapsam-0123abcd", ".rapsam-4567abcd", ".rapsam-settings"
    for name in (old, new, f"{foreign}s", "x.rapsam-0123abcd"):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, None if name == new else (0, 0))
    (tmp_path / ".rapsam-folder_0").mkdir()
    os.utime(tmp_path / ".rapsam-folder_0", (0, 0))
    write_atomic(tmp_path / "file", b"x")
    left = {new, f"{foreign}s", "x.rapsam-0123abcd", ".rapsam-folder_0", "file"}
    assert {path.name for path in tmp_path.iterdir()} == left


def test_a_process_killed_while_it_writes_leaves_what_is_recognised(tmp_path):
    script = "import os, sys\nfrom pathlib import Path\nfrom rapsam import files\n"
    script += "os.fsync = lambda _handle: os.kill(os.getpid(), 9)\n"
    script += f"files.write_atomic(Path({str(tmp_path)!r}, 'file'), b'x')\n"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    (left,) = tmp_path.iterdir()
    os.utime(left, (0, 0))
    write_atomic(tmp_path / "other", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


@pytest.mark.parametrize(
    ("limit", "number", "says"),
    [
        (resource.RLIMIT_FSIZE, 8, "File too large"),
        (resource.RLIMIT_NOFILE, 0, "Too many open files; allow more open files"),
    ],
)
def test_a_limit_that_is_reached_leaves_what_was_there(limit, number, says, tmp_path):
    write_atomic(tmp_path / "file", b"x")
    soft, hard = resource.getrlimit(limit)
    resource.setrlimit(limit, (number, hard))
    try:
        with pytest.raises(InputError) as caught:
            write_atomic(tmp_path / "file", b"more than eight bytes" * 10_000)
    finally:
        resource.setrlimit(limit, (soft, hard))
    assert str(caught.value).startswith(f"cannot write {tmp_path / 'file'}: {says}")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"x")]


def test_a_full_disk_is_named(monkeypatch, tmp_path):
    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device; free some space"):
        write_atomic(tmp_path / "file", b"x")
    assert list(tmp_path.iterdir()) == []


def test_of_two_processes_the_second_is_refused_at_once(tmp_path):
    script = "import sys\nfrom pathlib import Path\nfrom rapsam.files import atomic_folder\n"
    script += f"with atomic_folder(Path({str(tmp_path)!r}, 'out')):\n"
    script += "    print(flush=True)\n    sys.stdin.read()\n"
    line = [sys.executable, "-c", script]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        running.stdout.readline()
        for begin in (check_new_folder, lambda path: atomic_folder(path).__enter__()):
            with pytest.raises(InputError, match=r"another process is making .*/out; wait for it"):
                begin(tmp_path / "out")
        with atomic_folder(tmp_path / "other"):
            pass
        running.kill()
        running.wait()
    # Its folder is still there, but no process any more that is at work in it.
    with atomic_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out").is_dir()


@pytest.mark.parametrize("place", [".", "new", "golden", "a/b/c"])
def test_nothing_is_added_to_a_sealed_bundle(place, tmp_path):
    bundle = tmp_path / "bundle"
    (bundle / "golden").mkdir(parents=True)
    for name in ("manifest.json", "manifest.sha256"):
        (bundle / name).write_bytes(b"{}")
    (tmp_path / "link").symlink_to(bundle)
    before = sorted(tmp_path.rglob("*"))
    for folder in (bundle / place, tmp_path / "link" / place):
        for begin in (
            check_writable,
            check_outside_bundles,
            lambda folder: check_new_folder(folder / "out"),
            lambda folder: write_atomic(folder / "file", b"x"),
            lambda folder: write_atomic(folder / "manifest.json", b"x"),
        ):
            with pytest.raises(InputError, match="is in the sealed bundle"):
                begin(folder)
    assert sorted(tmp_path.rglob("*")) == before
    write_atomic(tmp_path / "beside", b"x")


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(InputError, match="cannot write"):
        write_atomic(tmp_path / "a" / "file", b"x")
