"""Stages that are kept between runs: the same bytes come back, or the stage is made again."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rapsam.export.backends.tflite.runtime_214 import environment_folder
from rapsam.export.build.cache import FOLDER_VARIABLE, StageCache, cache_folder

KEY, OTHER = "a" * 64, "b" * 64
FILES = {"graph.onnx": b"a graph", "package/Data/weights.bin": b"weights" * 100}
RECORD = b'{"made": "by a test"}'


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "source"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "package" / "empty").mkdir()
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
    assert (tmp_path / "back" / "package" / "empty").is_dir()  # as Core ML's packages may hold
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
        lambda entry: (entry / "record.json").unlink() or (entry / "record.json").mkdir(),
        lambda entry: (entry / "index.json").unlink(),
        lambda entry: (entry / "index.json").write_bytes(b"["),
        lambda entry: (entry / "index.json").write_bytes(b"[]"),
        lambda entry: (entry / "files" / "link").symlink_to("/etc/hostname"),
        lambda entry: os.mkfifo(entry / "files" / "pipe"),
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
    old, new = cache.folder / f".{OTHER}.rapsam-killed_1", cache.folder / f".{OTHER}.rapsam-running2"
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    cache.put(KEY, source, RECORD, notes.append)
    assert not old.exists()
    assert new.exists()


def test_in_a_folder_with_other_things_only_own_entries_are_ever_removed(source, tmp_path, notes):
    """As with `RAPSAM_CACHE` set to a home folder by mistake."""
    home = tmp_path / "home"
    foreign = {"photos/1.jpg": b"a photo" * 1000, "notes.txt": b"n", ".lock": b"of another program"}
    foreign |= {f"{OTHER}/mine.txt": b"named like a digest", "c" * 64: b"a file", "b" * 63: b"x"}
    foreign |= {".new.old/x": b"hidden", ".ssh/id": b"secret"}
    for name, content in foreign.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content)
    for path in home.iterdir():
        if path.is_dir():
            os.utime(path, (0, 0))
    cache = StageCache(home, limit_bytes=10)
    for key in (KEY, "d" * 64, "e" * 64):
        cache.put(key, source, RECORD, notes.append)
    assert {name: (home / name).read_bytes() for name in foreign} == foreign
    assert sorted(entries(cache)) == sorted(["e" * 64, "photos", "notes.txt", OTHER, "c" * 64, "b" * 63])
    assert notes == []


def test_a_link_inside_an_entry_does_not_keep_others_from_being_stored(source, tmp_path, notes):
    cache = StageCache(tmp_path / "cache", limit_bytes=10)
    cache.put(KEY, source, RECORD, notes.append)
    (cache.folder / KEY / "files" / "link").symlink_to("/etc/hostname")
    cache.put(OTHER, source, RECORD, notes.append)
    assert entries(cache) == [OTHER]
    assert Path("/etc/hostname").exists()
    assert notes == []


def test_a_link_among_the_files_of_a_stage_is_said_and_no_error(cache, source, notes):
    (source / "link").symlink_to("/etc/hostname")
    cache.put(KEY, source, RECORD, notes.append)
    assert entries(cache) == []
    (note,) = notes
    assert "link is a symbolic link" in note


@contextlib.contextmanager
def no_room():
    """As on a full disk: no file of this process, its log included, can be written beyond 8 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_no_damage_of_the_entry(cache, source, tmp_path, notes):
    cache.put(KEY, source, RECORD, notes.append)
    with no_room():
        found = taken(cache, KEY, tmp_path / "back", notes)
    assert found == (None, {})
    (note,) = notes
    assert note == f"{cache.folder} cannot be used: File too large"
    assert entries(cache) == [KEY]


def test_a_damaged_entry_that_cannot_be_removed_leaves_nothing_behind(cache, source, tmp_path, notes):
    """Python refuses to remove a folder through a link."""
    cache.put(KEY, source, RECORD, notes.append)
    (cache.folder / KEY).rename(tmp_path / "elsewhere")
    (cache.folder / KEY).symlink_to(tmp_path / "elsewhere")
    assert taken(cache, KEY, tmp_path / "back", notes) == (RECORD, FILES)
    (tmp_path / "elsewhere" / "record.json").write_bytes(b"{}")
    assert taken(cache, KEY, tmp_path / "back", notes) == (None, {})
    assert "is damaged" in notes[0]
    assert f"{cache.folder} cannot be used" in notes[1]


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
    assert [path.name for path in cache.folder.glob(".*")] == [".lock"]


def test_the_environment_says_where(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv(FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "rapsam" / "stages"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "rapsam" / "stages"


def test_a_user_without_a_home_has_a_cache_too(monkeypatch):
    """As in a container that runs under a number: neither HOME nor an entry among the users."""
    for name in (FOLDER_VARIABLE, "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(_number):
        raise KeyError("uid not found")

    monkeypatch.setattr("pwd.getpwuid", unknown)
    place = Path(tempfile.gettempdir(), f"cache-{os.getuid()}", "rapsam")
    assert cache_folder() == place / "stages"
    assert environment_folder() == place / "tflite-runtime-2.14.0"


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\xfe", b'[{"size_bytes": ' + b"9" * 5000 + b"}]"])
def test_an_index_that_no_parser_takes_is_damage(content, cache, source, tmp_path, notes):
    cache.put(KEY, source, RECORD, notes.append)
    (cache.folder / KEY / "index.json").write_bytes(content)
    assert taken(cache, KEY, tmp_path / "back", notes) == (None, {})
    assert "is damaged" in notes[0]
