"""`rapsam export`: what it says and makes, and what it refuses before any work."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from PIL import Image

from rapsam.cli.console import readable_size
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.base import Artifact
from rapsam.export.backends.catalogue import RUNTIMES
from rapsam.export.backends.delegation import DelegationReport, FallbackOp
from rapsam.export.backends.onnx.backend import OnnxBackend
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.backends.tflite.backend import TfliteBackend
from rapsam.export.build.cache import FOLDER_VARIABLE
from rapsam.export.bundle.manifest_file import read_manifest
from tests.cli.cli_runs import assert_refused, command, rapsam
from tests.cli.conftest import LEFT_BY_A_KILLED_EXPORT
from tests.cli.resealing import graph_entry

SMALL = ("export", "--model", "rapsam_nano", "--target", "onnx", "--size", "32x32")
PROMPT = (*SMALL, "--tasks", "prompt")


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    """The user's stages must neither help nor be changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("stages")))
        yield


@pytest.fixture(scope="module")
def made(own_cache, tmp_path_factory):  # noqa: ARG001 - where its stages go
    """A small bundle, and what was said when it was made."""
    out = tmp_path_factory.mktemp("made")
    return out / "onnx-fp32", rapsam(*PROMPT, "--out", out)


def test_people_get_a_line_for_each_graph_and_task_and_the_next_command(made):
    folder, outcome = made
    assert outcome.code == 0, outcome.err
    heading, *rows, verdict, place, following = outcome.out.splitlines()
    assert heading.startswith("onnx-fp32: 32x32; ONNX Runtime against PyTorch ")
    assert [row.split()[:3] for row in rows] == [
        ["graph", "encoder", "passed"],
        ["graph", "prompt", "passed"],
        ["task", "prompt", "passed"],
    ]
    report = json.loads((folder / "parity.json").read_text())
    tensors = [row for row in report["tensors"] if row["graph"] == "prompt"]
    worst = min(tensors, key=lambda row: row["sqnr_db"])
    told = f"SQNR {worst['sqnr_db']:.1f} dB, gate 35, {worst['output']} on '{worst['case']}'"
    assert rows[1].endswith(f"  {told}")
    assert re.search(r"  mask IoU \d\.\d{4}, gate 0\.99, on 'shapes-\w+'$", rows[2])
    assert verdict == "parity: passed"
    assert place == f"{folder}  {readable_size(size_of(folder))}; parity.json there has every figure"
    assert following == f"next: rapsam verify {folder}"
    assert max(map(len, rows)) <= 80


def size_of(folder: Path) -> int:
    """Bytes of a bundle without its manifest."""
    return sum(entry.size_bytes for entry in read_manifest(folder).files)


def test_people_who_want_all_get_every_comparison_and_the_cost(made):
    folder, _ = made
    outcome = rapsam(*PROMPT, "--out", folder.parent, "--verbose")
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    report = json.loads((folder / "parity.json").read_text())
    rows = [line for line in lines if line.startswith("ONNX Runtime  ")]
    assert len(rows) == sum(len(report[kind]) for kind in ("tensors", "tasks", "decisions", "histograms"))
    for graph in read_manifest(folder).graphs:
        (cost,) = [line for line in lines if line.startswith(graph.contract.graph)]
        assert f"{graph.macs_before / 1e6:,.1f}" in cost
        assert f"{graph.macs_after / 1e6:,.1f}" in cost
    assert lines[-1] == f"next: rapsam verify {folder}"


def test_decisions_that_differ_are_not_called_errors_of_a_passed_bundle(made):
    folder, outcome = made
    whole = rapsam(*PROMPT, "--out", folder.parent, "--verbose").out
    assert "errors" not in outcome.out + whole
    assert "how many are allowed is decided by those of mask IoU" in whole


def test_the_same_command_again_does_nothing_and_says_so(made):
    folder, outcome = made
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    again = rapsam(*PROMPT, "--out", folder.parent)
    assert (again.code, again.out) == (0, outcome.out)
    assert f"{folder} holds this bundle already: nothing to do" in again.err
    assert "capturing" not in again.err
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.usefixtures("made")
def test_a_matrix_makes_each_graph_once_and_every_folder(tmp_path):
    """Two devices with one recipe share all graphs; one of the sizes was exported before."""
    outcome = rapsam(
        *("export", "--model", "rapsam_nano", "--target", "onnx", "--precision", "fp32", "--tasks", "prompt"),
        *("--device", "pixel-8", "galaxy-s24", "--size", "32x32", "32x64", "--out", tmp_path, "--json"),
    )
    assert outcome.code == 0, outcome.err
    names = ["pixel-8-32x32", "galaxy-s24-32x32", "pixel-8-32x64", "galaxy-s24-32x64"]
    assert [path.name for path in sorted(tmp_path.iterdir())] == sorted(names)
    facts = json.loads(outcome.out)
    assert [fact["bundle"] for fact in facts] == [str(tmp_path / name) for name in names]
    assert [fact["size"] for fact in facts] == [[32, 32], [32, 32], [32, 64], [32, 64]]
    assert outcome.err.count("encoder: capturing") == outcome.err.count("prompt: capturing") == 1
    assert outcome.err.count("encoder: made before, taken from the cache") == 3


@pytest.mark.usefixtures("own_cache")
def test_a_failed_bundle_does_not_lose_the_others(tmp_path, monkeypatch):
    """Here the converter of the first of two devices is missing."""
    monkeypatch.setitem(BACKENDS, "tflite", Missing())
    outcome = rapsam(
        *("export", "--model", "rapsam_nano", "--device", "pixel-8", "iphone-12", "--precision", "fp32"),
        *("--size", "32x32", "--tasks", "prompt", "--out", tmp_path),
    )
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1] == "error: pixel-8: tflite is not to be had"
    assert [path.name for path in tmp_path.iterdir()] == ["iphone-12"]
    assert outcome.out.splitlines()[-1] == f"next: rapsam verify {tmp_path / 'iphone-12'}"
    alone = rapsam(*PROMPT, "--target", "tflite", "--out", tmp_path / "alone")
    assert_refused(alone, "error: tflite is not to be had")
    in_json = rapsam(*PROMPT, "--target", "tflite", "--out", tmp_path / "alone", "--json")
    assert in_json.code == 2
    folder = tmp_path / "alone" / "tflite-fp32"
    assert json.loads(in_json.out) == [{"bundle": str(folder), "error": "tflite is not to be had"}]


class Missing(TfliteBackend):
    """A converter that is not installed."""

    def unavailable(self) -> str | None:
        return "tflite is not to be had"


def export_two(broken: str, out: Path):
    """Exports two sizes, first one at which something breaks."""
    choices = ("--target", "onnx", "--size", broken, "96x32", "--tasks", "prompt", "--out", out, "--json")
    return rapsam("export", "--model", "rapsam_nano", *choices)


def assert_only_the_first_failed(outcome, first: Path, second: Path, reason: str) -> None:
    """The message is one line, and what was made after the failure is there and named."""
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1] == f"error: {first.name}: {reason}"
    assert "Traceback" not in outcome.err
    failed, made = json.loads(outcome.out)
    assert failed == {"bundle": str(first), "error": reason}
    assert (made["bundle"], made["parity"]) == (str(second), "passed")
    assert list(first.parent.iterdir()) == [second]


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("first line\nsecond line"), "RuntimeError: first line"),
        (MemoryError(), "MemoryError"),
        (OSError(28, "No space left on device"), "OSError: [Errno 28] No space left on device"),
    ],
)
def test_whatever_a_converter_raises_does_not_lose_the_others(error, reason, tmp_path, monkeypatch):
    monkeypatch.setitem(BACKENDS, "onnx", Raising(error, (64, 32)))
    outcome = export_two("64x32", tmp_path)
    assert_only_the_first_failed(outcome, tmp_path / "onnx-fp32-64x32", tmp_path / "onnx-fp32-96x32", reason)


@pytest.mark.usefixtures("own_cache")
def test_whatever_parity_raises_does_not_lose_the_others(tmp_path, monkeypatch):
    raising = Raising(RuntimeError("no kernel"), (32, 96))
    monkeypatch.setitem(RUNTIMES, "onnx", (Runtime("ONNX Runtime", raising.cannot_run, raising.load),))
    outcome = export_two("32x96", tmp_path)
    assert_only_the_first_failed(
        outcome, tmp_path / "onnx-fp32-32x96", tmp_path / "onnx-fp32-96x32", "RuntimeError: no kernel"
    )


@pytest.mark.usefixtures("own_cache")
def test_ctrl_c_is_no_failure_of_one_bundle(tmp_path, monkeypatch):
    monkeypatch.setitem(BACKENDS, "onnx", Raising(KeyboardInterrupt(), (64, 32)))
    outcome = export_two("64x32", tmp_path / "out")
    assert (outcome.code, outcome.out) == (130, "")
    assert not (tmp_path / "out").exists()


class Raising(OnnxBackend):
    """Converter and runtime with an error of their own for images of one size."""

    def __init__(self, error: BaseException, size: tuple[int, int]) -> None:
        self.error = error
        self.size = size

    def lower(self, program, contract, *more) -> Artifact:
        self.refuse(contract)
        return super().lower(program, contract, *more)

    def load(self, path, contract, *more):
        self.refuse(contract)
        return super().load(path, contract, *more)

    def refuse(self, contract) -> None:
        if contract.inputs[0].shape[2:] == self.size:
            raise self.error


def test_another_bundle_in_the_folder_stops_everything_before_the_first_long_work(made):
    folder, _ = made
    outcome = rapsam(*SMALL, "--tasks", "panoptic", "--out", folder.parent)
    assert_refused(outcome, f"{folder} exists already and holds another bundle (tasks prompt, not panoptic)")
    assert "capturing" not in outcome.err


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("strict", [False, True])
def test_bad_placement_is_a_note_and_with_strict_a_failure(strict, tmp_path, monkeypatch):
    monkeypatch.setitem(BACKENDS, "onnx", BadlyPlaced())
    # A stage of the real converter must not be taken for one of this.
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "stages"))
    outcome = rapsam(*PROMPT, "--verbose", "--out", tmp_path / "out", *(["--strict"] if strict else []))
    problem = "Nothing takes 50.00% of the multiply-adds, at least 99% expected"
    assert f"note: prompt: {problem}" in outcome.out
    assert "prompt outside Nothing: 2 conv (neck.first), 1 gather" in outcome.out
    assert (f"FAILED graph 'prompt': {problem}" in outcome.err) is strict
    assert outcome.code == (1 if strict else 0)
    assert rapsam("verify", tmp_path / "out" / "onnx-fp32").code == 0


class BadlyPlaced(OnnxBackend):
    """Lowers as ever, and tells of a delegate that takes half."""

    def lower(self, *arguments) -> Artifact:
        conv = FallbackOp(
            op="conv", count=2, modules=("neck.first",), macs=5, pixel_sized=True, is_deform_gather=False
        )
        gather = FallbackOp(op="gather", count=1, modules=(), macs=0, pixel_sized=True, is_deform_gather=True)
        report = DelegationReport(
            delegate="Nothing",
            provenance="measured",
            macs=10,
            macs_delegated=5,
            ops=4,
            ops_delegated=1,
            partitions=1,
            fallbacks=(conv, gather),
        )
        return msgspec.structs.replace(super().lower(*arguments), delegation=report)


class Shown(NamedTuple):
    terminal: str
    out: str


def in_a_terminal(*arguments: object, code: int = 0, stop_at: str = "", **environment: str) -> Shown:
    """Runs a verb in a real process, standard error behind a pseudo-terminal; Ctrl-C at some step, if any."""
    ours, theirs = pty.openpty()
    line = command(*arguments)
    environment = os.environ | {"COLUMNS": "200", "TERM": "xterm"} | environment
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=theirs, text=True, env=environment) as running:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # how Linux says that the other end was closed
            while piece := os.read(ours, 1 << 16):
                seen += piece
                if stop_at and stop_at.encode() in seen:
                    running.send_signal(signal.SIGINT)
                    stop_at = ""
        os.close(ours)
        out = running.stdout.read()
        assert running.wait(120) == code, seen
    return Shown(seen.decode(), out)


def test_ctrl_c_in_a_terminal_takes_the_line_away_and_gives_the_cursor_back(tmp_path):
    stages = {FOLDER_VARIABLE: str(tmp_path / "stages")}
    terminal, out = in_a_terminal(
        *PROMPT, "--out", tmp_path / "out", code=130, stop_at="encoder: capturing", **stages
    )
    assert terminal.count("\x1b[?25l") == terminal.count("\x1b[?25h") > 0
    assert screen_line(terminal.rstrip().split("\n")[-1]) == "interrupted; nothing half-written is left"
    assert out == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("made")
def test_in_a_terminal_there_is_one_live_line_that_leaves_nothing(tmp_path):
    """All stages are found in the cache."""
    terminal, out = in_a_terminal(*PROMPT, "--out", tmp_path)
    assert "loading rapsam_nano" in terminal
    assert terminal.count("\x1b[?25l") == terminal.count("\x1b[?25h") > 0  # the cursor is given back
    lines = [screen_line(line) for line in terminal.split("\n")]
    kept = [line for line in lines if line and not re.match(r"\S \d+:\d\d ", line)]
    assert kept[0] == "weights by formula, untrained: the masks will mean nothing"
    assert kept[1:] == ["onnx-fp32: 32x32, prompt"]
    assert out.splitlines()[-1].startswith("next: rapsam verify")


def screen_line(line: str) -> str:
    """What a line shows in the end, of all that was written over it."""
    return re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", re.split(r"\x1b\[2K|\r(?=.)", line.rstrip("\r"))[-1])


def test_in_a_terminal_what_is_wrong_with_the_cache_stays_to_be_read(made, tmp_path):
    """Above the bar, on a line of its own: the bar's own text is soon another."""
    stages = shutil.copytree(os.environ[FOLDER_VARIABLE], tmp_path / "stages")
    key = graph_entry(read_manifest(made[0]), "prompt").parent
    (stages / key / "files" / "prompt.onnx").write_bytes(b"damaged")
    terminal, _ = in_a_terminal(*PROMPT, "--out", tmp_path / "out", **{FOLDER_VARIABLE: str(stages)})
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", terminal))
    assert f"the stored stage {key[:12]} is damaged (its digest differs); it is made again" in lines


def test_it_says_in_json_what_it_made(exported):
    folder, outcome = exported
    assert outcome.code == 0
    (made,) = json.loads(outcome.out)
    assert made["bundle"] == str(folder)
    assert (made["recipe"], made["size"], made["parity"]) == ("onnx-fp32", [64, 96], "passed")
    assert made["failures"] == made["not_run"] == []
    manifest = read_manifest(folder)
    assert made["size_bytes"] == sum(entry.size_bytes for entry in manifest.files)
    assert [graph["path"] for graph in made["graphs"]] == [
        str(folder / name) for name in ("encoder.onnx", "panoptic.onnx", "prompt.onnx")
    ]


def test_it_says_what_it_does(exported):
    """Every step has its line on standard error, so that nothing is silent for long."""
    for step in ("loading rapsam_nano", "untrained", "encoder: capturing", "golden", "ONNX Runtime: "):
        assert step in exported.outcome.err


def test_what_a_killed_export_left_does_not_disturb(exported):
    out = exported.folder.parent
    left = Path(LEFT_BY_A_KILLED_EXPORT).parent.name
    assert sorted(path.name for path in out.iterdir()) == [left, "onnx-fp32"]
    assert (out / LEFT_BY_A_KILLED_EXPORT).read_bytes() == b"half"


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ("--device iphone-15x", "unknown device 'iphone-15x'; did you mean iphone-15"),
        ("--device pixel-8 iphone-15x", "unknown device 'iphone-15x'"),
        ("--target onyx", "unknown target 'onyx'; did you mean onnx?"),
        ("--target onnx --precision int3", "unknown precision 'int3'; valid names: fp16, fp32"),
        (
            "--target onnx --precision int8",
            "does not say what has 8 bits: w8a8 (weights and activations), w8a16",
        ),
        ("--target onnx --json --verbose", "argument --verbose: not allowed with argument --json"),
        ("--target onnx --tasks panoptics", "unknown task 'panoptics'; did you mean panoptic"),
        ("--target onnx --ios 12", "iOS 12 for target 'onnx'"),
        ("--target coreml --ios 12", "iOS 12 is no deployment target of fp16; choose one of [16, 17, 18]"),
        ("--target coreml --ios 0", "iOS 0 is no deployment target"),
        ("--device pixel-8 --target coreml", "target coreml for pixel-8, an android phone"),
        ("--device pixel-8 --ios 17", "only coreai, coreml and executorch-coreml have an iOS version"),
        ("", "neither device nor target given; name one: --device pixel-8, or --target onnx"),
        ("--target onnx --size 640", "size '640'; expected HEIGHTxWIDTH in pixels, such as 480x640"),
        ("--target onnx --size 0x0", "size 0x0 does not suit the network"),
        ("--target onnx --size 100x90", "multiples of 32, such as 96x64 or 128x96"),
        ("--target onnx --size -64x64", "size '-64x64'"),
        ("--target onnx --size 99968x99968", "at most 2048"),
        ("--target onnx --prompts 0", "0 prompts per pass; expected 1 to 64"),
        ("--target onnx --prompts -3", "-3 prompts per pass; expected 1 to 64"),
        ("--target onnx --prompts 1000", "1000 prompts per pass; expected 1 to 64"),
    ],
)
def test_wrong_choices_are_refused(choices, says, tmp_path):
    out = tmp_path / "out"
    assert_refused(rapsam("export", "--model", "rapsam_nano", "--out", out, *choices.split()), says)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("r50", "did you mean rapsam_r50?"),
        ("nano", "did you mean edge_sam_nano, rapsam_nano or repvit_sam_nano?"),
        ("sam2", "did you mean edge_sam"),
    ],
)
def test_an_unknown_model_is_refused(name, says, tmp_path):
    outcome = rapsam("export", "--model", name, "--target", "onnx", "--out", tmp_path / "out")
    assert_refused(outcome, f"unknown model '{name}'", says)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["/dev/null/x", "file/x", "file", "a" * 300])
def test_an_unwritable_place_is_refused_before_any_work(place, tmp_path):
    (tmp_path / "file").write_text("x")
    outcome = rapsam(*SMALL, "--out", tmp_path / place)
    assert_refused(outcome, f"cannot write {tmp_path / place}", "choose a folder that you may write to")
    assert "loading" not in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_used_folder_is_refused_before_any_work(tmp_path):
    """Of several devices, the last one must not fail after the others took minutes."""
    used = tmp_path / "pixel-8"
    used.mkdir()
    (used / "mine.txt").write_text("keep")
    outcome = rapsam(
        "export", "--model", "rapsam_nano", "--device", "iphone-15-pro", "pixel-8", "--out", tmp_path
    )
    assert_refused(outcome, f"{used} exists already; expected a new folder")
    assert "loading" not in outcome.err
    assert [path.name for path in tmp_path.rglob("*")] == ["pixel-8", "mine.txt"]


def test_unusable_photographs_are_refused(photo, tmp_path):
    Image.open(photo).save(photo.with_suffix(".bmp"))
    assert_refused(
        rapsam(*SMALL, "--out", tmp_path / "out", "--image", tmp_path / "none.jpg"), "none.jpg does not exist"
    )
    assert_refused(
        rapsam(*SMALL, "--out", tmp_path / "out", "--image", photo, photo.with_suffix(".bmp")),
        "two images are called 'photo'",
    )
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_that_is_an_empty_word_is_no_formula(tmp_path):
    """As from `--checkpoint "$UNSET"`: a bundle without the user's weights would be a bad surprise."""
    outcome = rapsam(*SMALL, "--out", tmp_path / "out", "--checkpoint", "")
    assert_refused(outcome, "expected .safetensors, .pth or .pt")
    assert not (tmp_path / "out").exists()


def test_points_for_a_network_without_slots_are_refused(tmp_path):
    outcome = rapsam(*PROMPT, "--points", "3", "--out", tmp_path)
    assert_refused(outcome, "3 points per prompt for rapsam_nano, whose graphs have no slots for points")
    outcome = rapsam(*PROMPT, "--enlarge-masks", "--out", tmp_path)
    assert_refused(outcome, "enlarged masks of rapsam_nano, whose graphs enlarge none")
