"""models, devices, doctor: what they print for people and for machines."""

from __future__ import annotations

import json
import subprocess

import pytest

from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RUNTIMES
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.devices import load_devices
from tests.cli.cli_runs import assert_refused, command, process, rapsam


def test_devices_for_machines():
    devices = json.loads(rapsam("devices", "--json").out)
    assert [device["id"] for device in devices] == list(load_devices())


def test_devices_can_be_searched():
    phones = json.loads(rapsam("devices", "pixel", "pro", "--json").out)
    assert [phone["id"] for phone in phones][:2] == ["pixel-6-pro", "pixel-7-pro"]
    assert_refused(rapsam("devices", "nokia"), "no device holds 'nokia'; 'rapsam devices' lists all")


def test_models_for_machines():
    models = json.loads(rapsam("models", "--json").out)
    assert set(models) == {
        *("rapsam_r50", "rapsam_r18", "rapsam_nano", "sam_vit_h", "sam_vit_l", "sam_vit_b"),
        *("repvit_sam", "mobile_sam", "edge_sam", "edge_sam_bilinear", "repvit_sam_nano", "edge_sam_nano"),
    }
    assert 4e6 < models["rapsam_nano"]["parameters"] < 6e6
    assert models["repvit_sam"] == {"parameters": 27_223_480, "masks_per_prompt": 4, "image_side": 1024}


def test_doctor_for_machines():
    found = json.loads(rapsam("doctor", "--json").out)
    assert {check["name"] for check in found["checks"] if check["what"] == "convert"} == set(BACKENDS)
    assert {"what": "bench", "name": "on local", "state": "works", "versions": ""} in found["checks"]
    assert all(check["state"] for check in found["checks"])


def test_doctor_says_why_something_does_not_work(monkeypatch):
    """Below the table, so that a long reason does not widen it."""
    monkeypatch.setitem(RUNTIMES, "onnx", (Runtime("ONNX Runtime", lambda: "no wheel; build one", None),))
    table, _, reasons = rapsam("doctor").out.partition("\n\nConverters")[2].partition("\n\n")
    assert [line.split()[:5] for line in table.splitlines() if "ONNX" in line] == [
        ["run", "ONNX", "Runtime", "not", "here"]
    ]
    assert "ONNX Runtime: not here: no wheel; build one" in reasons.splitlines()


def test_in_a_pipe_each_row_is_one_line():
    header, *rows = rapsam("devices").out.splitlines()[1:]
    assert header.split()[:3] == ["id", "name", "chip"]
    assert [row.split()[0] for row in rows] == list(load_devices())


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_in_a_terminal_names_stay_whole(columns, monkeypatch):
    """`FORCE_COLOR` makes rich take the output for a terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    text = rapsam("devices").out
    assert "…" not in text
    for device in load_devices().values():
        (row,) = [line for line in text.splitlines() if line.split()[:1] == [device.id]]
        assert device.recipe().name in row
    if columns >= 80:
        plain = [line for line in text.splitlines() if "\x1b" not in line]
        assert max(map(len, plain)) <= columns


def test_a_reader_that_goes_away_is_no_error():
    """As in `rapsam devices | head -1`."""
    with subprocess.Popen(command("devices"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == 0


def test_a_terminal_of_few_letters_gets_escapes(photo, bundle):
    odd = photo.with_name("日本 ü.png")
    photo.rename(odd)
    done = process(
        "predict", odd, "--bundle", bundle, "--out", photo.parent / "out", PYTHONIOENCODING="ascii"
    )
    assert done.returncode == 0, done.stderr
    assert r"\u65e5\u672c \xfc.overlay.png" in done.stdout
    assert (photo.parent / "out" / "日本 ü.overlay.png").is_file()
