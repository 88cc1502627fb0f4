"""The judge of the fuzzer sees what it is there for: else silence would prove nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.case import INPUTS, OUT, WORK, Case
from tests.fuzz.judge import faults_of, snapshot
from tests.fuzz.leftovers import half_files
from tests.fuzz.worker import CANARY, STDERR, STDOUT, Ended

TRACE = 'Traceback (most recent call last):\n  File "/x/rapsam/data/rle.py", line 3, in decode\nKeyError: 1\n'


@pytest.fixture
def folder(tmp_path):
    for name in (INPUTS, OUT, WORK):
        (tmp_path / name).mkdir()
    (tmp_path / INPUTS / "photo.png").write_bytes(b"x")
    return tmp_path


@pytest.fixture
def judged(folder):
    """Judges an ending; gives the kinds of the faults."""

    def judge(code=2, out="", error="error: no\n", timed_out=False, change=lambda _: None, **settings):
        (folder / STDOUT).write_text(out)
        (folder / STDERR).write_text(error)
        before = snapshot(folder)
        change(folder)
        case = Case(arguments=("predict", "x"), note="", **settings)
        with socket.create_server(("127.0.0.1", 0)) as trap:
            trap.setblocking(False)
            return [
                fault.signature
                for fault in faults_of(case, folder, Ended(code, timed_out, 1.0), before, trap)
            ]

    return judge


def test_good_endings(judged):
    assert judged() == []
    assert judged(0, "results/x.png\n", "[   0.1 s] x\n") == []
    assert judged(1, may_miss=True, error="") == []
    assert judged(-9, timed_out=True, may_work=True, error="") == []


@pytest.mark.parametrize(
    ("ending", "signature"),
    [
        ({"code": 1, "error": TRACE}, "traceback: KeyError in data/rle.py:decode"),
        ({"code": 1, "error": ""}, "exit code: 1 of predict"),
        ({"code": -11, "error": ""}, "signal: 11 in predict"),
        ({"code": -9, "timed_out": True}, "hang: predict"),
        ({"error": "usage: x\n"}, "no error line: predict"),
        ({"error": "error: an input is nested too deep, too large or no text (x)\n"}, "refusal without"),
        ({"code": 0}, "error with exit code 0: predict"),
        ({"error": "error: \x1b[31m\n"}, "control character"),
        ({"error": "error: " + "x" * 3000 + "\n"}, "long output: stderr"),
        ({"change": lambda folder: (folder / OUT / "results").mkdir()}, "left by a refusal: an empty folder"),
        ({"change": lambda folder: (folder / OUT / "x.txt").touch()}, "left by a refusal: files"),
        ({"change": lambda folder: (folder / INPUTS / "photo.png").write_bytes(b"yy")}, "input changed"),
        ({"change": lambda folder: (folder / "x").touch()}, "file outside --out"),
        (
            {"change": lambda folder: (folder / CANARY).write_text("os.system x")},
            "code or network: os.system",
        ),
    ],
)
def test_bad_endings(ending, signature, judged):
    found = judged(**ending)
    assert [fault for fault in found if fault.startswith(signature)], found


def test_half_files(tmp_path):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps({"a": 1}))
    bad.write_text('{"a": ')
    for name in ("x.png", "x.mp4", "x.safetensors", "x.pth"):
        (tmp_path / name).write_bytes(b"half")
    found = half_files(sorted(tmp_path.iterdir()))
    assert len(found) == 5
    assert "good" not in "".join(found)


LIMITS = """
import os, sys
from pathlib import Path
from tests.fuzz.worker import run_forked
folder = Path(sys.argv[1])
def wait():
    while True: pass
def fill():
    bytearray(8 << 30)
def call():
    os.system("true")
    return 0
for work in (wait, fill, call):
    ended = run_forked(work, folder, 1)
    full = "MemoryError" in (folder / "stderr").read_text()
    print(ended.code, ended.timed_out, (folder / "canary").exists(), full)
"""


def test_limits(folder):
    """In a process of its own, which can be forked."""
    ran = subprocess.run(
        [sys.executable, "-c", LIMITS, str(folder)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout.splitlines() == ["-9 True False False", "1 False False True", "0 False True False"]
