"""Locks between processes: what is held is seen, and nobody waits for ever."""

from __future__ import annotations

import os
import time

import pytest

from rapsam.errors import InputError
from rapsam.files import atomic_folder, check_writable, remove_abandoned, scratch_folder
from rapsam.locks import holding, is_in_use, one_at_a_time, wait_for_lock


def test_a_folder_is_in_use_as_long_as_it_is_held(tmp_path):
    assert not is_in_use(tmp_path)
    with holding(tmp_path):
        assert is_in_use(tmp_path)
        with pytest.raises(InputError, match="another process has locked"), holding(tmp_path):
            pass
    assert not is_in_use(tmp_path)
    assert not is_in_use(tmp_path / "none")


def test_waiting_ends(tmp_path):
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        with holding(tmp_path), pytest.raises(InputError, match=f"kept {tmp_path} locked for 0 s; end it"):
            wait_for_lock(handle, tmp_path, patience_s=0.1)
        wait_for_lock(handle, tmp_path, patience_s=0.1)
    finally:
        os.close(handle)


def test_a_locked_parent_refuses_an_export_and_does_not_hang_it(tmp_path, monkeypatch):
    monkeypatch.setattr(wait_for_lock, "__defaults__", (0.1,))
    with holding(tmp_path), pytest.raises(InputError, match="locked"), atomic_folder(tmp_path / "new"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_a_living_process_makes_is_not_abandoned(tmp_path):
    scratch = scratch_folder(tmp_path / "a")
    os.utime(scratch, (time.time() - 1e6,) * 2)
    with holding(scratch):
        remove_abandoned(tmp_path, "a")
        assert scratch.is_dir()
    remove_abandoned(tmp_path, "a")
    assert not scratch.exists()


def test_a_link_to_nothing_is_refused_before_any_work(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere" / "x")
    with pytest.raises(InputError, match="a link to nothing"):
        check_writable(link / "results")


def test_one_process_works_at_a_time(tmp_path):
    folder = tmp_path / "a" / "b"
    with one_at_a_time(folder, 1.0):
        assert is_in_use(folder)
        with pytest.raises(InputError, match="another process"), one_at_a_time(folder, 0.1):
            pass
    with one_at_a_time(folder, 0.1):
        pass
