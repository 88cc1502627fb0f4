"""A run that is killed at any renaming can be started again, and then the whole split is there."""

from __future__ import annotations

import os
import sys

import pytest

from rapsam.data.sources.kinds import open_annotated
from rapsam.data.synth.world import World
from rapsam.data.synth.write_world import write_world
from rapsam.errors import InputError
from rapsam.files import files_below
from tests.cli.cli_runs import rapsam

SIZE = (48, 48)
WORLD = World(images=1, videos=1, seed=5, size=SIZE, num_frames=1)
OTHER = World(images=1, videos=0, seed=6, size=SIZE, split="val")
KILLED = 9

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by fork")


def visible(out):
    return {
        name.as_posix(): (out / name).read_bytes()
        for name in files_below(out)
        if not any(part.startswith(".") for part in name.parts)
    }


def killed_at(out, number, when):
    """Writes the world in a process that ends without a word before or after its n-th renaming.

    Returns whether it came that far.
    """
    child = os.fork()
    if not child:
        try:
            _die_at(number, when)
            write_world(out, WORLD)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == KILLED


def _die_at(number, when):
    seen = []

    def counted(name):
        real = getattr(os, name)

        def rename(*paths, **options):
            seen.append(name)
            if when == "before" and len(seen) == number:
                os._exit(KILLED)
            real(*paths, **options)
            if when == "after" and len(seen) == number:
                os._exit(KILLED)

        setattr(os, name, rename)

    counted("rename")
    counted("replace")


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "world"
    write_world(out, WORLD)
    return visible(out)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("when", ["before", "after"])
def test_every_point_of_a_kill_can_be_gone_on_from(tmp_path, when, expected):
    number = 1
    while killed_at(tmp_path / f"{number}", number, when):
        out = tmp_path / f"{number}"
        left = visible(out) if out.exists() else {}
        assert left.items() <= expected.items(), number
        # A reader meets annotation files only when all they name is there.
        if "annotations/panoptic_train2017.json" in left:
            assert "train2017/000000000001.jpg" in left
            assert "annotations/panoptic_train2017/000000000001.png" in left
        write_world(out, WORLD)
        assert visible(out) == expected, number
        number += 1
    assert number > 14


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_other_split_stays_through_a_kill(tmp_path):
    write_world(tmp_path, OTHER)
    before = visible(tmp_path)
    assert killed_at(tmp_path, 14, "after")
    assert before.items() < visible(tmp_path).items()
    write_world(tmp_path, WORLD)
    assert before.items() < visible(tmp_path).items()
    assert len(open_annotated("coco_panoptic", tmp_path, "train")) == 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_command_line_goes_on_and_keeps_what_was_drawn(tmp_path):
    out = tmp_path / "world"
    world = World(images=1, videos=0, seed=5, size=SIZE)
    finished = out / ".synth_train.finished"
    write_world(tmp_path / "whole", world)
    (tmp_path / "whole").rename(tmp_path / "drawn")
    out.mkdir()
    (tmp_path / "drawn").rename(finished)
    (finished / "train2017").rename(out / "train2017")
    arguments = ["data", "synth", "--out", out, "--images", 1, "--size", "48x48"]
    outcome = rapsam(*arguments, "--seed", 6)
    assert outcome.code == 2
    assert "synth_train.json exists already" in outcome.err
    assert not finished.exists()
    out.rename(finished.parent.with_name("again"))
    out.mkdir()
    (tmp_path / "again").rename(finished)
    outcome = rapsam(*arguments, "--seed", 5)
    assert outcome.code == 0, outcome.err
    assert "an interrupted run had drawn all of it" in outcome.err
    assert f"next: rapsam data check {out}" in outcome.out


def test_what_lies_in_a_place_is_not_written_over(tmp_path):
    finished = tmp_path / ".synth_train.finished"
    write_world(tmp_path / "whole", World(images=1, videos=0, seed=5, size=SIZE))
    (tmp_path / "whole").rename(finished)
    (tmp_path / "train2017").mkdir()
    (tmp_path / "train2017/photo.jpg").write_bytes(b"mine")
    with pytest.raises(InputError, match="train2017 exists already"):
        write_world(tmp_path, WORLD)
    assert (tmp_path / "train2017/photo.jpg").read_bytes() == b"mine"
