"""`rapsam data synth`: a drawn world from the command line."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess

import pytest

from rapsam.cli.data import TASKS
from tests.cli.cli_runs import assert_refused, command, rapsam

SMALL = ("--images", "2", "--seed", "1", "--size", "48x64", "--workers", "1")


def test_a_world_is_written_and_can_be_checked(tmp_path):
    out = tmp_path / "world"
    done = rapsam("data", "synth", "--out", out, "--videos", "1", *SMALL)
    assert done.code == 0, done.err
    *lines, last = done.out.splitlines()
    assert lines[0].startswith(f"{out}/train2017  ")
    assert f"{out}/youtube_vis/train.json  " in done.out
    assert last == f"next: rapsam data check {out}"
    assert "3 of 3 images and videos" in done.err
    checked = rapsam(*shlex.split(last.removeprefix("next: rapsam ")))
    assert checked.code == 0, checked.out
    assert json.loads((out / "synth_train.json").read_text())["size"] == [48, 64]


def test_json_names_what_was_written(tmp_path):
    out = tmp_path / "world"
    done = rapsam("data", "synth", "--out", out, "--split", "val", "--json", *SMALL)
    found = json.loads(done.out)
    assert (found["root"], found["seed"]) == (str(out), 1)
    assert found["size_bytes"][f"{out}/val2017"] == sum(
        path.stat().st_size for path in (out / "val2017").iterdir()
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--split", "test"], "unknown split 'test'"),
        (["--size", "256"], "size '256'; expected HEIGHTxWIDTH"),
        (["--size", "16x16"], "size 16x16; expected sides of 48 to 2048 px"),
        (["--seed", "-1"], "seed -1; expected 0 or more"),
        (["--images", "0"], "expected 1 or more"),
        (["--images", "0"], "such as --images 2000 --videos 200"),
        (["--images", "10000000000"], "expected at most 1,000,000 of each"),
        (["--workers", "100000"], "100000 workers; expected at most 256"),
        (["--videos", "-2"], "-2 videos; expected 0 or more"),
        (["--workers", "0"], "0 workers; expected 1 or more"),
        (["--images", "many"], "invalid int value: 'many'; see 'rapsam data synth --help'"),
        (["--imags", "3"], "unknown option '--imags'; did you mean --images"),
        (["more"], "unexpected 'more'; see 'rapsam data --help'"),
    ],
)
def test_bad_options_are_refused(tmp_path, options, says):
    assert_refused(rapsam("data", "synth", "--out", tmp_path / "out", *SMALL, *options), says)
    assert list(tmp_path.iterdir()) == []


def test_foreign_folders_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert_refused(rapsam("data", "synth", "--out", tmp_path, *SMALL), "holds notes.txt")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["data"], "required: TASK; see 'rapsam data --help'"),
        (["data", "synht"], "unknown task 'synht'; did you mean synth?"),
        (["data", "--sed=1", "synth"], "unknown option '--sed'"),
        (["data", "synth"], "required: --out, --seed; see 'rapsam data synth --help'"),
    ],
)
def test_wrong_words_are_named(arguments, says):
    assert_refused(rapsam(*arguments), says)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_explains_itself(task):
    done = rapsam("data", task, "--help")
    assert done.code == 0
    assert done.out.startswith(f"usage: rapsam data {task} ")
    assert f"example: rapsam data {task}" in done.out


def test_the_examples_are_understood(monkeypatch):
    seen = []
    for module in TASKS.values():
        monkeypatch.setattr(module, "run", lambda options: seen.append(options) or 0)
        assert rapsam(*shlex.split(module.EXAMPLE)[1:]).code == 0
    assert len(seen) == len(TASKS)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_leaves_nothing(tmp_path, workers):
    line = command(
        *("data", "synth", "--out", tmp_path / "new" / "world", "--images", "5000", "--seed", "1"),
        *("--size", "48x48", "--workers", workers),
    )
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as running:
        seen = running.stderr.readline()
        while not any(tmp_path.rglob("*.jpg")):
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        seen += running.stderr.read()
        assert running.wait(60) == 130
    assert seen.splitlines()[-1] == "interrupted; nothing half-written is left"
    assert "Traceback" not in seen
    assert list(tmp_path.iterdir()) == []
