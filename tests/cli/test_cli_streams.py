"""Standard streams that are closed, full, or a pipe nobody reads; and arguments that no path can be."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from pathlib import Path

import pytest

from rapsam.cli import devices
from rapsam.cli.console import show
from rapsam.cli.main import main
from tests.cli.cli_runs import assert_refused, command, rapsam

EXPORT = ("export", "--model", "rapsam_nano", "--target", "onnx", "--size", "32x32", "--tasks", "panoptic")


class Unread(io.StringIO):
    """A pipe whose reader has gone away."""

    def __init__(self):
        super().__init__()
        self._nowhere = Path(os.devnull).open("wb")  # noqa: SIM115

    def write(self, _text):
        raise BrokenPipeError(32, "Broken pipe")

    def fileno(self):
        return self._nowhere.fileno()


def code_of(out, err, *arguments) -> int:
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code


def shell(line: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a verb with what a shell does to its streams."""
    return subprocess.run(
        ["bash", "-c", f'"$@" {line}', "bash", *command(*arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


def test_work_whose_progress_nobody_reads_is_given_up(photo, bundle, tmp_path):
    arguments = ("predict", photo, "--bundle", bundle, "--out", tmp_path / "out")
    assert code_of(io.StringIO(), Unread(), *arguments) == 141
    assert not (tmp_path / "out").exists()


def test_an_export_in_a_pipe_that_ends_is_given_up(tmp_path):
    """As in `rapsam export ... 2>&1 | head -1`."""
    line = command(*EXPORT, "--out", tmp_path / "new" / "out")
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert "loading" in running.stdout.readline()
        running.stdout.close()
        assert running.wait(60) == 141
    assert list(tmp_path.iterdir()) == []


def test_results_that_nobody_reads_change_no_exit_code(bundle):
    assert code_of(Unread(), io.StringIO(), "verify", bundle) == 0
    assert code_of(Unread(), io.StringIO(), "verify", bundle / "golden") == 2
    assert code_of(io.StringIO(), Unread(), "verify", bundle / "golden") == 2
    assert code_of(Unread(), Unread(), "devices") == 0


def test_a_missed_gate_keeps_its_code_when_nobody_reads_it(monkeypatch):
    """Results of a verb that ends with 1 into a pipe that `head` has closed."""

    def missed(_options):
        show("a result")
        return 1

    monkeypatch.setattr(devices, "run", missed)
    assert code_of(Unread(), io.StringIO(), "devices") == 1


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_streams_that_are_closed_from_the_start(closed, photo, bundle, tmp_path):
    """Files that a runtime opens must not become the stream that it prints to."""
    done = shell(closed, "predict", photo, "--bundle", bundle, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "photo.overlay.png",
        "photo.panoptic.json",
        "photo.panoptic.png",
    ]


def test_results_that_cannot_be_written_are_an_error():
    done = shell("> /dev/full", "devices")
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write to standard output: No space left on device")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("a\0b", "holds a NUL byte"),
        ("a" * 5_000_000, "an argument has 5,000,000 characters; expected at most 4,096"),
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        ("verify",),
        ("export", "--model", "rapsam_nano", "--target", "onnx", "--out"),
        ("predict", "x.png", "--bundle"),
        ("parity",),
        ("eval", "--out"),
        ("train",),
        ("convert",),
        ("plot",),
        ("data", "check", "--data"),
        ("data", "synth", "--out"),
        ("devices",),
        (),
    ],
    ids=" ".join,
)
def test_arguments_that_nothing_can_be_named_are_refused(words, argument, says):
    outcome = rapsam(*words, argument)
    assert_refused(outcome, says)
    assert len(outcome.err) < 300


def test_too_little_memory_is_an_exit_code_of_its_own(bundle, monkeypatch):
    def without_memory(_path):
        raise MemoryError

    monkeypatch.setattr("rapsam.export.bundle.seal.list_files", without_memory)
    outcome = rapsam("verify", bundle)
    assert (outcome.code, outcome.err) == (
        3,
        "error: this needs more memory than there is; take smaller inputs, sizes or numbers\n",
    )


def test_a_fault_of_ours_is_no_missed_gate(bundle, monkeypatch):
    def broken(_path):
        raise TypeError("\x1b[31m")

    monkeypatch.setattr("rapsam.export.bundle.seal.list_files", broken)
    outcome = rapsam("verify", bundle)
    assert outcome.code == 70
    assert "\x1b" not in outcome.err
    assert "broken" in outcome.err
    assert outcome.err.splitlines()[-1].startswith("error: a fault of this tool, not of its input: TypeError")
