"""`rapsam export --max-...-drop` and `rapsam quantize inspect`."""

from __future__ import annotations

import json

import pytest

from rapsam.data.images import SUFFIXES
from rapsam.evaluation.budget_meter import DropMeter
from rapsam.export.bundle.quantisation import FigureDrop
from tests.cli.cli_runs import assert_refused, rapsam
from tests.other_family import VARIANT

WORLD = ("--images", 60, "--size", "64x64", "--split", "val", "--seed", 5)
EXPORT = ("export", "--model", VARIANT, "--target", "onnx", "--tasks", "prompt", "--size", "64x64")


pytestmark = pytest.mark.usefixtures("boxer_family")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world") / "world"
    drawn = rapsam("data", "synth", "--out", folder, *WORLD)
    assert drawn.code == 0, drawn.err
    return folder


@pytest.fixture(scope="module")
def within(world, tmp_path_factory):
    out = tmp_path_factory.mktemp("within")
    budget = ("--precision", "w8", "--max-box-drop", "50", "--data", world)
    outcome = rapsam(*EXPORT, *budget, "--out", out)
    assert outcome.code == 0, outcome.err
    return out / "onnx-w8", outcome


def test_a_budget_that_holds_is_told_of_in_the_bundle(within) -> None:
    bundle, outcome = within
    assert "budget: everything in few bits" in outcome.err
    shown = rapsam("quantize", "inspect", bundle)
    assert (shown.code, shown.err) == (0, "")
    assert "budget, held on 60 images of world val in ONNX Runtime; 0.0 of" in shown.out
    assert "IoU of a box" in shown.out
    assert f"{bundle / 'budget.png'} shows it" in shown.out
    record = json.loads(rapsam("quantize", "inspect", bundle, "--json").out)
    assert record["budget"]["limits"] == {"box": 50.0}
    assert (bundle / "budget.png").suffix in SUFFIXES


def test_the_same_command_finds_the_bundle_finished(within, world) -> None:
    bundle, _ = within
    again = rapsam(
        *EXPORT, *("--precision", "w8", "--max-box-drop", "50", "--data", world, "--out", bundle.parent)
    )
    assert again.code == 0
    assert "holds this bundle already: nothing to do" in again.err


def test_a_budget_that_cannot_be_held_ends_with_1_and_writes_nothing(world, tmp_path, monkeypatch) -> None:
    """Whatever stays float, two points are lost."""
    lost = (FigureDrop(figure="box", points=2.0, standard_error=0.5),)
    monkeypatch.setattr(DropMeter, "drops", lambda *_: lost)
    monkeypatch.setenv("RAPSAM_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "bundles"
    outcome = rapsam(*EXPORT, "--precision", "w8", "--max-box-drop", "1", "--data", world, "--out", out)
    assert outcome.code == 1, outcome
    last = outcome.err.splitlines()[-1]
    assert last.startswith("error: onnx-w8 cannot hold its budget on 60 images of world val: best reached")
    assert "IoU of a box +2.00, at most +3.73 with 95 % (limit 1)" in last
    assert not list(out.glob("*"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--max-box-drop", "1"), "--max-box-drop without --data; name annotated images"),
        (("--data", "WORLD"), "--data without a budget; add a limit such as --max-pq-drop 1.0"),
        (("--budget-images", "50"), "--budget-images without a budget"),
        (("--max-box-drop", "-1", "--data", "WORLD"), "--max-box-drop -1; expected points of 100"),
        (("--max-pq-drop", "1", "--data", "WORLD"), "without the task 'panoptic'"),
        (("--max-box-drop", "1", "--data", "WORLD", "--budget-images", "5"), "5 images in world val to hold"),
        (
            ("--max-box-drop", "1", "--data", "WORLD", "--kind", "youtube_vis_2019"),
            "its figures are of images",
        ),
        (("--max-box-drop", "1", "--data", "/nowhere"), "nowhere"),
        (("--max-box-drop", "1", "--data", "WORLD", "--precision", "fp32"), "which has no few bits"),
    ],
)
def test_what_makes_no_budget_is_refused(options, says, world, tmp_path) -> None:
    precision = () if "--precision" in options else ("--precision", "w8")
    given = [world if option == "WORLD" else option for option in options]
    assert_refused(rapsam(*EXPORT, *precision, *given, "--out", tmp_path / "out"), says)
    assert not (tmp_path / "out").exists()


def test_a_float_bundle_has_nothing_to_inspect(bundle) -> None:
    assert_refused(rapsam("quantize", "inspect", bundle), "has no quantisation.json: its graphs are float")


def test_inspect_refuses_what_is_no_bundle(tmp_path) -> None:
    assert_refused(rapsam("quantize", "inspect", tmp_path), str(tmp_path))


def test_quantize_alone_says_what_it_can_do() -> None:
    assert_refused(rapsam("quantize", "inspct"), "inspct", "inspect")
