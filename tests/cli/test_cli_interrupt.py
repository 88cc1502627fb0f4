"""Exports that are stopped: by the user, or by the system with no chance to clean up."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.cli.cli_runs import command, rapsam

EXPORT = ("export", "--model", "rapsam_nano", "--target", "onnx", "--size", "32x32", "--tasks", "panoptic")


def stopped(out, number: signal.Signals, step: str) -> tuple[int, str]:
    """Starts an export in a process of its own and sends the signal when a step has begun."""
    with subprocess.Popen(command(*EXPORT, "--out", out), stderr=subprocess.PIPE, text=True) as running:
        seen = ""
        for line in running.stderr:
            seen += line
            if step in line:
                break
        running.send_signal(number)
        seen += running.stderr.read()
        return running.wait(60), seen


@pytest.mark.parametrize("step", ["loading", "capturing"])
def test_ctrl_c_leaves_nothing(tmp_path, step):
    code, seen = stopped(tmp_path / "new" / "out", signal.SIGINT, step)
    assert code == 130
    assert seen.splitlines()[-1] == "interrupted; nothing half-written is left"
    assert "Traceback" not in seen
    assert list(tmp_path.iterdir()) == []


def test_a_killed_export_leaves_no_bundle(tmp_path):
    """Only a hidden folder; test_cli_export shows that it does not disturb the next export."""
    code, _ = stopped(tmp_path, signal.SIGKILL, "capturing")
    assert code == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".onnx-fp32.")
    assert rapsam("verify", tmp_path / "onnx-fp32").code == 2
