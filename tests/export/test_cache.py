"""Stages that are kept between runs: the same bytes come back, or the stage is made again."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rapsam.export.cache import FOLDER_VARIABLE, StageCache, cache_folder

KEY, OTHER = "a" * 64, "b" * 64
FILES = {"graph.onnx": b"a graph", "package/Data/weights.bin": b"weights" * 100}
RECORD = b'{"made": "by a test"}'


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "source"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def cache(tmp_path) -> StageCache:
    return StageCache(tmp_path / "cache")


@pytest.fixture
def notes() -> list[str]:
    return []


def taken(
    cache: StageCache, key: str, folder: Path, notes: list[str]
) -> tuple[bytes | None, dict[str, bytes]]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    record = cache.take(key, folder, notes.append)
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return record, files


def entries(cache: StageCache) -> list[str]:
    return sorted(path.name for path in cache.folder.iterdir() if not path.name.startswith("."))


def test_what_was_put_comes_back(cache, source, tmp_path, notes):
    cache.put(KEY, source, RECORD, notes.append)
    assert taken(cache, KEY, tmp_path / "back", notes) == (RECORD, FILES)
    assert taken(cache, OTHER, tmp_path / "back", notes) == (None, {})
    assert notes == []
    assert entries(cache) == [KEY]


def test_what_comes_back_is_a_copy(cache, source, tmp_path, notes):
    """Who edits a bundle must not edit the next one."""
    cache.put(KEY, source, RECORD, notes.append)
    taken(cache, KEY, tmp_path / "back", notes)
    (tmp_path / "back" / "graph.onnx").write_bytes(b"edited")
    assert taken(cache, KEY, tmp_path / "again", notes) == (RECORD, FILES)


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: (entry / "files" / "graph.onnx").write_bytes(b"another"),
        lambda entry: (entry / "files" / "graph.onnx").unlink(),
        lambda entry: (entry / "files" / "more.bin").write_bytes(b"more"),
        lambda entry: (entry / "record.json").write_bytes(b"{}"),
        lambda entry: (entry / "record.json").unlink(),
        lambda entry: (entry / "index.json").write_bytes(b"["),
        lambda entry: (entry / "index.json").write_bytes(b"[]"),
        lambda entry: shutil.rmtree(entry / "files"),
    ],
)
def test_a_damaged_entry_is_not_used_and_said_to_be(damage, cache, source, tmp_path, notes):
    cache.put(KEY, source, RECORD, notes.append)
    damage(cache.folder / KEY)
    assert taken(cache, KEY, tmp_path / "back", notes) == (None, {})
    (note,) = notes
    assert f"the stored stage {KEY[:12]} is damaged" in note
    cache.put(KEY, source, RECORD, notes.append)
    assert taken(cache, KEY, tmp_path / "back", notes) == (RECORD, FILES)


def test_what_was_not_used_for_longest_makes_room(source, tmp_path, notes):
    cache = StageCache(tmp_path / "cache", limit_bytes=4000)
    keys = [letter * 64 for letter in "abcdef"]
    for age, key in enumerate(keys[:3]):
        cache.put(key, source, RECORD, notes.append)
        os.utime(cache.folder / key, (age, age))
    assert taken(cache, keys[0], tmp_path / "back", notes)[0] == RECORD  # used just now
    cache.put(keys[3], source, RECORD, notes.append)
    assert [name[0] for name in entries(cache)] == ["a", "c", "d"]
    assert notes == []


def test_a_stage_larger_than_the_limit_is_kept_alone(source, tmp_path, notes):
    cache = StageCache(tmp_path / "cache", limit_bytes=10)
    cache.put(KEY, source, RECORD, notes.append)
    cache.put(OTHER, source, RECORD, notes.append)
    assert entries(cache) == [OTHER]


def test_what_a_killed_process_left_is_removed_after_a_day(cache, source, notes):
    old, new = cache.folder / ".new.old", cache.folder / ".new.new"
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    cache.put(KEY, source, RECORD, notes.append)
    assert not old.exists()
    assert new.exists()


def test_a_cache_that_cannot_be_written_is_said_and_no_error(source, tmp_path, notes):
    (tmp_path / "file").write_text("x")
    cache = StageCache(tmp_path / "file" / "cache")
    cache.put(KEY, source, RECORD, notes.append)
    assert taken(cache, KEY, tmp_path / "back", notes) == (None, {})
    (note,) = notes
    assert "finished stages cannot be kept in" in note


def test_many_at_a_time_see_whole_entries_or_none(source, tmp_path):
    """With room for one entry, the four keep removing what the others have just put."""
    cache, notes = StageCache(tmp_path / "cache", limit_bytes=1000), []
    keys = [letter * 64 for letter in "abcd"]

    def work(number: int) -> list[tuple[bytes | None, dict[str, bytes]]]:
        found = []
        for turn in range(20):
            key = keys[(number + turn) % 4]
            cache.put(key, source, RECORD, notes.append)
            found.append(taken(cache, key, tmp_path / f"back{number}", notes))
        return found

    with ThreadPoolExecutor(4) as pool:
        results = [result for results in pool.map(work, range(4)) for result in results]
    assert all(result in ((RECORD, FILES), (None, {})) for result in results)
    assert any(result[0] for result in results)
    assert notes == []
    assert len(entries(cache)) == 1
    assert not list(cache.folder.glob(".new.*"))


def test_the_environment_says_where(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv(FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "rapsam" / "stages"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "rapsam" / "stages"
