"""`rapsam bench`: from a bundle to records, tables and exit codes."""

from __future__ import annotations

import json
import os
import shutil
import sys

import pytest

from rapsam.benchmarks.latency.record_file import SCHEMA_FILE, read_latency_records
from rapsam.cli.bench import seconds_of
from rapsam.errors import InputError
from tests.benchmarks.open_onnx_file import write_open_file
from tests.benchmarks.runners.android.fake_adb import HEAD, write_fake_adb
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle
from tests.cli.cli_runs import assert_refused, rapsam
from tests.published_schemas import assert_valid

QUICK = ("--iters", 2, "--min-seconds", 0, "--threads", 1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    write_tiny_bundle(folder / "right")
    write_tiny_bundle(folder / "wrong", right=False)
    return folder


def test_a_bundle_is_timed_and_its_record_written(tiny, tmp_path):
    out = tmp_path / "bench.jsonl"
    outcome = rapsam("bench", tiny / "right", *QUICK, "--out", out)
    assert outcome.code == 0, outcome.err
    assert "end_to_end panoptic" in outcome.out
    assert "self-test passed: 1 cases" in outcome.out
    (record,) = read_latency_records(out)
    assert record.conditions.command == "rapsam bench right --on local --threads 1 --iters 2 --min-seconds 0"
    assert str(tiny) not in out.read_text()

    out.write_text("mine")
    again = rapsam("bench", tiny / "right", *QUICK, "--out", out)
    assert_refused(again, f"{out} exists already; add --overwrite to replace it, or choose another --out")
    assert out.read_text() == "mine"
    assert rapsam("bench", tiny / "right", *QUICK, "--out", out, "--overwrite").code == 0
    assert len(read_latency_records(out)) == 1


def test_a_fast_wrong_answer_is_a_failed_run(tiny):
    outcome = rapsam("bench", tiny / "right", tiny / "wrong", *QUICK, "--stages", "graph")
    assert outcome.code == 1
    assert "\nFAILED wrong, ONNX Runtime" in outcome.err
    assert "wrong on this device" in outcome.err
    assert outcome.out.splitlines()[-1].startswith("fastest correct: right, ONNX Runtime")


def test_a_bare_file_is_timed_and_printed_as_json(tiny):
    outcome = rapsam("bench", tiny / "right" / "see.onnx", *QUICK, "--json")
    assert outcome.code == 0, outcome.err
    (record,) = json.loads(outcome.out)
    assert_valid(record, SCHEMA_FILE)
    assert (record["model"]["kind"], record["fidelity"], record["status"]) == ("file", None, "done")
    assert record["stages"][0]["ms"]["p99"] is None


def test_sides_that_a_file_leaves_open_are_given_by_name(tmp_path):
    path = write_open_file(tmp_path / "open.onnx")
    outcome = rapsam("bench", path, *QUICK, "--shape", "images=1x3x8x6", "--json")
    assert outcome.code == 0, outcome.err
    (record,) = json.loads(outcome.out)
    assert record["model"]["input_shape"] == [1, 3, 8, 6]
    assert "--shape images=1x3x8x6" in record["conditions"]["command"]
    without = rapsam("bench", path, *QUICK)
    assert without.code == 1
    assert "close them, as in --shape images=1x3x640x640" in without.err


@pytest.mark.parametrize(
    ("subject", "shapes", "says"),
    [
        ("open.onnx", ["image=1x3x8x8"], "unknown input of open.onnx 'image'; did you mean images?"),
        ("open.onnx", ["images=1x4x8x8"], "--shape images=1x4x8x8; expected a shape that fits batchx3x"),
        ("open.onnx", ["1x3x8x8"], "--shape '1x3x8x8'; expected the name of an input and its sides"),
        ("open.onnx", ["images=1x0x8"], "--shape 'images=1x0x8'; expected the name"),
        ("open.onnx", ["images=1x3x8x8"] * 2, "has a shape already"),
        ("right", ["images=1x3x8x8"], "whose shapes are fixed; leave it out"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_before_anything_runs(tiny, subject, shapes, says):
    write_open_file(tiny / "open.onnx")
    options = [word for shape in shapes for word in ("--shape", shape)]
    assert_refused(rapsam("bench", tiny / subject, *options), says)


@pytest.mark.parametrize(("subject", "stage"), [("right", "encoder"), ("right/see.onnx", "see")])
def test_a_stage_that_is_not_there_is_refused_before_anything_runs(tiny, subject, stage):
    outcome = rapsam("bench", tiny / subject, *QUICK, "--stages", "graph", stage)
    assert_refused(outcome, f"unknown stage of {subject.split('/')[-1]} '{stage}'")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--on", "locla"], "unknown runner 'locla'; did you mean local?"),
        (["--on", "local:3"], "there is one machine only"),
        (["--on", "browser:here and there"], "'here and there' is no address to serve a page on"),
        (["--on", "browser:192.0.2.77"], "cannot listen on 192.0.2.77, port any"),
        (["--on", "qemu-arm64:pentium"], "'pentium' is not a processor that is known here"),
        pytest.param(
            ["--on", "ios"],
            "it needs a Mac with Xcode",
            marks=pytest.mark.skipif(sys.platform == "darwin", reason="a Mac may have an iPhone"),
        ),
        (["--runtime", "LiteRT"], "unknown runtime 'LiteRT'"),
        (["--threads", "0"], "--threads 0; expected 1 to"),
        (["--iters", "0"], "--iters 0; expected 1 to 100,000"),
        (["--min-seconds", "nan"], "--min-seconds nan; expected seconds"),
        (["--min-seconds", "-1"], "--min-seconds -1.0; expected seconds"),
        (["--sustained", "ten minutes"], "--sustained 'ten minutes'; expected a time up to a day"),
        (["--units", "some"], "invalid choice: 'some'"),
    ],
)
def test_wrong_options_are_refused_before_anything_runs(tiny, options, says):
    assert_refused(rapsam("bench", tiny / "right", *options), says)


def test_a_phone_that_is_not_there_is_refused_in_one_line(tiny, tmp_path, monkeypatch):
    write_fake_adb(tmp_path, HEAD)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    for where in ("adb", "adb-app"):
        refused = rapsam("bench", tiny / "right", "--on", where)
        assert_refused(refused, f"--on '{where}': no device; connect a phone")
        refused = rapsam("bench", tiny / "right", "--on", f"{where}:X1")
        assert_refused(refused, f"--on '{where}:X1': no device 'X1'; connected: none")


def test_what_is_no_bundle_is_refused(tiny, tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("x")
    damaged = shutil.copytree(tiny / "right", tmp_path / "damaged")
    (damaged / "see.onnx").write_bytes(b"x")
    assert_refused(rapsam("bench", tmp_path / "none"), "does not exist")
    assert_refused(rapsam("bench", text), "neither a bundle's folder nor a file")
    assert_refused(rapsam("bench", damaged), "see.onnx has 1 bytes")
    assert_refused(rapsam("bench", *[tiny / "right"] * 17), "17 bundles; expected at most 16")
    assert_refused(rapsam("bench", tiny / "right", "--out", tiny / "right" / "a"), "which is read")


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("0.5h", 1800)])
def test_times_are_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "0s", "-1s", "25h", "1e3s", "١s", "10 m", "x" * 5000])
def test_other_times_are_refused(text):
    with pytest.raises(InputError) as error:
        seconds_of(text)
    assert len(str(error.value)) < 200
