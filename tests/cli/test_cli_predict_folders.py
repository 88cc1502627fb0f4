"""`rapsam predict` with folders, and where results stand: nothing is left out silently, nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from rapsam.cli.predict_results import results_together
from rapsam.data.unread import unread_reason
from tests.cli.cli_runs import assert_refused, rapsam
from tests.cli.test_cli_predict_videos import write_video

# Refused before any work: no network is loaded, so any name of one will do.
NETWORK = ("--model", "rapsam_nano")
ENDINGS = ("overlay.png", "panoptic.json", "panoptic.png")


@pytest.fixture
def album(photo, tmp_path) -> Path:
    """Two photographs, one of them in a subfolder, and eight things that are not read."""
    folder = tmp_path / "album"
    (folder / "sea" / ".trash").mkdir(parents=True)
    shutil.copy(photo, folder / "a.JPG")
    shutil.copy(photo, folder / "sea" / "a.jpg")
    shutil.copy(photo, folder / "sea" / ".trash" / "old.jpg")
    for name in (".DS_Store", "b.HEIC", "c.cr2", "d.txt", "plain", "film.xyz"):
        (folder / name).write_bytes(b"some")
    (folder / "around").symlink_to(folder)
    return folder


def results_below(out):
    return sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


def test_what_a_folder_holds_is_read_or_named(album, bundle, tmp_path):
    outcome = rapsam("predict", album, "--bundle", bundle, "--out", tmp_path / "out", "--json")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    assert list(result["written"]) == [str(album / "a.JPG")]
    assert result["failed"] == {}
    assert {Path(path).name: reason for path, reason in result["skipped"].items()} == {
        ".DS_Store": "hidden",
        "around": "a symbolic link to a folder",
        "b.HEIC": unread_reason(Path("b.HEIC")),
        "c.cr2": unread_reason(Path("c.cr2")),
        "d.txt": "'.txt' is no ending of an image or a video",
        "film.xyz": "'.xyz' is no ending of an image or a video",
        "plain": "a name without an ending",
        "sea": "a subfolder; --recursive reads it",
    }
    *lines, last = outcome.err.splitlines()
    assert any(
        line.startswith(f"skipped {album / 'b.HEIC'}: HEIC, ") and "convert it" in line for line in lines
    )
    overlay = tmp_path / "out" / "a.overlay.png"
    assert last == f"1 done, 8 skipped; results in {tmp_path / 'out'}: open {overlay} first"


def test_subfolders_are_mirrored(album, bundle, tmp_path):
    out = tmp_path / "out"
    outcome = rapsam("predict", album, "--bundle", bundle, "--out", out, "--recursive")
    assert outcome.code == 0, outcome.err
    names = [f"{name}.{ending}" for name in ("a", "sea/a") for ending in ENDINGS]
    assert results_below(out) == names
    assert outcome.out.splitlines()[3] == str(out / "sea" / "a.overlay.png")
    assert f"skipped {album / 'sea' / '.trash'}: hidden" in outcome.err


def test_a_folder_with_nothing_to_read_is_refused(album):
    (album / "a.JPG").unlink()
    outcome = rapsam("predict", album, *NETWORK)
    assert_refused(outcome, "holds no image or video (.DS_Store: hidden; around: ", "5 more", ".jpg")


def test_too_many_files_are_refused(album, monkeypatch):
    monkeypatch.setattr("rapsam.cli.predict_inputs._MOST_ENTRIES", 4)
    assert_refused(rapsam("predict", album, *NETWORK), "holds more than 4 files", "split it up")


def test_a_named_file_is_tried_by_its_content(pixels, photo, bundle, tmp_path):
    odd, film = photo.rename(tmp_path / "photo.picture"), tmp_path / "film"
    write_video(tmp_path / "film.mp4", pixels, 2).rename(film)
    outcome = rapsam("predict", odd, film, "--bundle", bundle, "--out", tmp_path / "out", "--min-score", "1")
    assert outcome.code == 0, outcome.err
    assert results_below(tmp_path / "out") == [
        *("film.overlay.mp4", "film.tracks.json"),
        *(f"photo.{ending}" for ending in ENDINGS),
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("notes.txt", b"hello", "is neither an image nor a video"),
        ("a.heic", b"hello", "cannot be read: HEIC, of which no decoder here"),
        ("heic", b"\0\0\0\x18ftypheic" + bytes(12), "cannot be read: HEIC"),
        ("a.NEF", b"II*\0", "cannot be read: a camera raw file"),
        ("odd", b"", "is empty"),
    ],
)
def test_a_named_file_of_no_use_is_refused(name, content, says, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    assert_refused(rapsam("predict", path, *NETWORK, "--out", tmp_path / "out"), path, says)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["album", "album/sea", "album/new", "link/new"])
def test_results_among_what_is_read_are_refused(place, album, tmp_path):
    """Else the next run would read the results of this one."""
    (tmp_path / "link").symlink_to(album)
    options = ("predict", album, *NETWORK, "--out", tmp_path / place, "--recursive")
    assert_refused(rapsam(*options), "which is read", "choose an --out outside")


def test_an_input_is_never_replaced(photo, tmp_path):
    named_so = shutil.copy(photo, tmp_path / "photo.overlay.png")
    before = named_so.read_bytes()
    outcome = rapsam("predict", photo, named_so, *NETWORK, "--out", tmp_path, "--overwrite")
    assert_refused(outcome, f"would replace the input {named_so}")
    assert_refused(rapsam("predict", photo, *NETWORK, "--out", tmp_path), f"{named_so} exists already")
    assert_refused(rapsam("predict", tmp_path, *NETWORK, "--out", tmp_path), "which is read")
    assert named_so.read_bytes() == before


def test_what_a_link_leads_to_is_an_input_too(photo, tmp_path):
    real = photo.rename(tmp_path / "a.overlay.png")
    (tmp_path / "link.png").symlink_to(real)
    shutil.copy(real, tmp_path / "a.png")
    named = (tmp_path / "a.png", tmp_path / "link.png")
    outcome = rapsam("predict", *named, *NETWORK, "--out", tmp_path, "--overwrite")
    assert_refused(outcome, f"would replace the input {tmp_path / 'link.png'}")


@pytest.mark.parametrize("place", ["", "encoder", "new/results"])
def test_a_bundle_is_no_place_for_results(place, photo, tmp_path):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for name in ("manifest.json", "manifest.sha256"):
        (bundle / name).write_text("{}")
    outcome = rapsam("predict", photo, *NETWORK, "--out", bundle / place)
    assert_refused(outcome, f"bundle {bundle}", "choose")
    assert len(list(bundle.iterdir())) == 2


def test_older_results_are_kept_unless_told(photo, bundle, tmp_path):
    out = tmp_path / "out"
    again = ("predict", photo, "--bundle", bundle, "--out", out)
    assert rapsam(*again).code == 0
    (out / "photo.panoptic.json").write_text("mine")
    refused = rapsam(*again)
    assert_refused(refused, f"{out / 'photo.overlay.png'} and 2 more exist already", "add --overwrite")
    assert "loading" not in refused.err
    assert (out / "photo.panoptic.json").read_text() == "mine"
    assert rapsam(*again, "--overwrite").code == 0
    assert (out / "photo.panoptic.json").read_text() != "mine"
    assert results_below(out) == [f"photo.{ending}" for ending in ENDINGS]

    (out / "photo.panoptic.png").unlink()
    (out / "photo.panoptic.png").mkdir()
    assert_refused(rapsam(*again, "--overwrite"), "photo.panoptic.png is a folder")


@pytest.mark.parametrize("letters", ["x" * 242, "日" * 81], ids=["ascii", "three bytes each"])
def test_a_name_that_leaves_no_room_is_refused_before_any_work(letters, photo, tmp_path):
    """Names of results are longer than that of the input, and file systems count bytes."""
    long = photo.rename(tmp_path / f"{letters}.png")
    outcome = rapsam("predict", long, *NETWORK, "--out", tmp_path / "out")
    assert_refused(outcome, "is too long", "expected at most 255", "rename the input")
    assert "loading" not in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_full_disk_leaves_all_results_of_an_input_or_none(overwrite, photo, bundle, tmp_path, monkeypatch):
    """The last of three files finds no room."""
    out = tmp_path / "out"
    if overwrite:
        out.mkdir()
        for ending in ENDINGS:
            (out / f"photo.{ending}").write_text("older")

    done = []

    def nearly_full(handle):
        done.append(handle)
        if len(done) == len(ENDINGS):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("rapsam.files.os.fsync", nearly_full)
    options = ["--overwrite"] if overwrite else []
    outcome = rapsam("predict", photo, "--bundle", bundle, "--out", out, *options)
    assert_refused(outcome, f"cannot write {out / 'photo.'}", "No space left on device")
    assert ".rapsam-" not in outcome.err
    if overwrite:
        assert [(out / f"photo.{ending}").read_text() for ending in ENDINGS] == ["older"] * 3
        assert len(list(out.iterdir())) == 3
    else:
        assert not out.exists()


@pytest.mark.parametrize("fails_at", [0, 1, 2, 3, 4, 5])
def test_an_interrupted_exchange_is_undone(fails_at, tmp_path, monkeypatch):
    for name in "abc":
        (tmp_path / name).write_text("older")
    real, calls = Path.rename, iter(range(100))

    def rename(self, target):
        if next(calls) == fails_at:
            raise KeyboardInterrupt
        return real(self, target)

    def write_newer():
        with results_together(tmp_path, overwrite=True) as scratch:
            for name in "abc":
                (scratch / name).write_text("newer")
            monkeypatch.setattr(Path, "rename", rename)

    with pytest.raises(KeyboardInterrupt):
        write_newer()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys("abc", "older")


def test_one_name_too_long_does_not_stop_a_folder(photo, bundle, tmp_path):
    album = tmp_path / "album"
    album.mkdir()
    shutil.copy(photo, album / "a.png")
    Image.new("RGB", (8, 8)).save(album / f"{'x' * 250}.png")
    outcome = rapsam("predict", album, "--bundle", bundle, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1].startswith("1 done, 1 failed; results in ")


def test_a_name_that_is_no_utf_8_as_json(photo, bundle, tmp_path):
    odd = tmp_path / os.fsdecode(b"caf\xe9.png")
    try:
        photo.rename(odd)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    outcome = rapsam("predict", odd, "--bundle", bundle, "--out", tmp_path / "out", "--json")
    assert outcome.code == 0, outcome.err
    assert list(json.loads(outcome.out)["written"]) == [str(odd)]
