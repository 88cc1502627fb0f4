"""Exports that are stopped: by the user, or by the system with no chance to clean up."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from rapsam.export.build.cache import FOLDER_VARIABLE
from rapsam.files import atomic_folder
from tests.cli.cli_runs import assert_refused, command, process, rapsam

EXPORT = ("export", "--model", "rapsam_nano", "--target", "onnx", "--size", "32x32", "--tasks", "panoptic")


@pytest.fixture
def stages(tmp_path_factory) -> dict[str, str]:
    """An environment with an empty cache."""
    return {FOLDER_VARIABLE: str(tmp_path_factory.mktemp("stages"))}


def stopped(out, number: signal.Signals, step: str, stages: dict[str, str]) -> tuple[int, str]:
    """Starts an export in a process of its own and sends the signal when a step has begun."""
    line, environment = command(*EXPORT, "--out", out), {**os.environ, **stages}
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=environment) as running:
        seen = ""
        for line in running.stderr:
            seen += line
            if step in line:
                break
        running.send_signal(number)
        seen += running.stderr.read()
        return running.wait(60), seen


@pytest.mark.parametrize(
    ("number", "step"),
    [(signal.SIGINT, "loading"), (signal.SIGINT, "capturing"), (signal.SIGTERM, "capturing")],
)
def test_ctrl_c_or_a_polite_kill_leaves_nothing(tmp_path, number, step, stages):
    code, seen = stopped(tmp_path / "new" / "out", number, step, stages)
    assert code == 130
    assert seen.splitlines()[-1] == "interrupted; nothing half-written is left"
    assert "Traceback" not in seen
    assert list(tmp_path.iterdir()) == []


def test_a_second_export_to_the_same_place_is_refused_before_any_work(tmp_path):
    with atomic_folder(tmp_path / "onnx-fp32"):
        outcome = rapsam(*EXPORT, "--out", tmp_path)
    assert_refused(outcome, f"another process is making {tmp_path / 'onnx-fp32'}; wait for it")
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize("place", ["", "inside"])
def test_nothing_is_exported_into_a_bundle(place, bundle_copy):
    before = sorted(bundle_copy.rglob("*"))
    assert_refused(rapsam(*EXPORT, "--out", bundle_copy / place), "is in the sealed bundle")
    assert sorted(bundle_copy.rglob("*")) == before


def test_a_disk_that_is_full_ends_in_one_line(tmp_path, stages):
    """No file of the process may be longer than 8 KiB, as on a disk with no more room."""
    shell = ["bash", "-c", 'ulimit -f 8; exec "$@"', "bash", *command(*EXPORT, "--out", tmp_path / "out")]
    done = subprocess.run(
        shell, capture_output=True, text=True, env={**os.environ, **stages}, timeout=300, check=False
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: cannot write ")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_few_file_descriptors_are_enough_or_named(photo, bundle, tmp_path):
    shell = ["bash", "-c", 'ulimit -n 32; exec "$@"', "bash"]
    line = command("predict", photo, "--bundle", bundle, "--out", tmp_path / "out")
    done = subprocess.run([*shell, *line], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode in (0, 2), done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out").exists() == (done.returncode == 0)


def test_a_killed_export_leaves_no_bundle(tmp_path, stages):
    """Only a hidden folder; test_cli_export shows that it does not disturb the next export."""
    code, _ = stopped(tmp_path, signal.SIGKILL, "capturing", stages)
    assert code == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".onnx-fp32.")
    assert rapsam("verify", tmp_path / "onnx-fp32").code == 2


def test_an_export_that_was_killed_goes_on_behind_its_last_stage(tmp_path, stages):
    """The graph is finished and kept when the comparison begins."""
    code, _ = stopped(tmp_path / "out", signal.SIGKILL, "golden inputs", stages)
    assert code == -signal.SIGKILL
    (left,) = (tmp_path / "out").iterdir()
    os.utime(left, (0, 0))
    done = process(*EXPORT, "--out", tmp_path / "out", **stages)
    assert done.returncode == 0, done.stderr
    assert "panoptic_image: made before, taken from the cache" in done.stderr
    assert "capturing" not in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["onnx-fp32"]  # what was left is old
    assert rapsam("verify", tmp_path / "out" / "onnx-fp32").code == 0
