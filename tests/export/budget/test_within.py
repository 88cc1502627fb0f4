"""A budget from end to end: searched on artefacts, told of in the bundle, gone on with when interrupted."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

import rapsam
from rapsam.errors import BudgetError, ExportError, InputError
from rapsam.export.budget import candidates, within
from rapsam.export.budget.bundle import export_within_budget
from rapsam.export.budget.looks import T_NEXT
from rapsam.export.build.budget_plot import BUDGET_PLOT_NAME
from rapsam.export.build.cache import StageCache
from rapsam.export.bundle.quantisation import FigureDrop, read_quantisation
from rapsam.export.bundle.seal import verify_bundle
from rapsam.export.parity.sample_images import draw_scene
from rapsam.quantize.calibration import open_calibration
from tests.other_family import VARIANT

pytestmark = pytest.mark.usefixtures("boxer_family")

IMAGE = draw_scene(3, (64, 64))
BOXES = [(10, 12, 50, 40), (5, 5, 30, 60)]
CHOICES = {"target": "onnx", "precision": "w8", "size": (64, 64), "tasks": ["prompt"], "num_prompts": 2}


class QualityMeter:
    """Points are a thousand times what predicted IoUs are off: the layer "iou" decides, and no other."""

    data, key, figures, images, pixels_sha256 = "a scene", "ab" * 32, ("box",), 200, {}

    def __init__(self, stop_after=1000) -> None:
        self.asked, self.stop_after = [], stop_after

    def drops(self, subject, reference, images):
        if len(self.asked) == self.stop_after:
            raise KeyboardInterrupt
        self.asked.append(images)
        ours, theirs = (
            each.predict(IMAGE, boxes=BOXES).candidate_iou.astype(float) for each in (subject, reference)
        )
        return (
            FigureDrop(figure="box", points=float(1e3 * np.abs(ours - theirs).max()), standard_error=0.0),
        )


@pytest.fixture(scope="module")
def model(boxer_family):  # noqa: ARG001 - the family must be in the table
    return rapsam.build_model(VARIANT, checkpoint="formula")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return StageCache(tmp_path_factory.mktemp("stages"))


def export(model, out, limit, meter, cache, **choices):
    return export_within_budget(model, out, {"box": limit}, meter, cache=cache, **CHOICES | choices)


@pytest.fixture(scope="module")
def made(model, cache, tmp_path_factory):
    """Exported after an interruption in the search."""
    out, first = tmp_path_factory.mktemp("budget") / "bundle", QualityMeter(stop_after=2)
    with pytest.raises(KeyboardInterrupt):
        export(model, out, 1e-3, first, cache)
    assert not out.exists()
    meter = QualityMeter()
    export(model, out, 1e-3, meter, cache)
    return out, first, meter


def test_only_what_must_stays_float(made) -> None:
    out, _, _ = made
    verify_bundle(out)
    budget = read_quantisation(out).budget
    assert [unit.unit for unit in budget.units if unit.kept] == ["ask: network.iou"]
    assert budget.t == T_NEXT
    assert budget.drops[0].upper(budget.t) <= 1e-3
    assert budget.limits == {"box": 1e-3}
    assert (budget.kept_macs, budget.images, budget.runtime) == (2 * 4 * 3, 134, "ONNX Runtime")
    assert budget.macs == sum(unit.macs for unit in budget.units)
    assert (out / BUDGET_PLOT_NAME).read_bytes()[:4] == b"\x89PNG"
    left = {left.module: left.why for graph in read_quantisation(out).graphs for left in graph.left}
    assert left["network.iou"] == "the search keeps it"


def test_the_figures_are_those_of_the_bundle_itself(made, model, tmp_path) -> None:
    out, _, _ = made
    rapsam.export_bundle(model, tmp_path / "fp32", **CHOICES | {"precision": "fp32"})
    again = QualityMeter().drops(rapsam.load_bundle(out), rapsam.load_bundle(tmp_path / "fp32"), range(200))
    assert again == read_quantisation(out).budget.drops


def test_an_interrupted_search_asks_nothing_twice(made) -> None:
    out, first, meter = made
    assert len(first.asked) + len(meter.asked) == read_quantisation(out).budget.measurements


def test_a_finished_bundle_is_recognised_without_a_search(made, model, cache) -> None:
    out, _, _ = made
    before, meter = (out / "manifest.json").read_bytes(), QualityMeter()
    export(model, out, 1e-3, meter, StageCache(cache.folder / "other"))
    assert meter.asked == []
    assert (out / "manifest.json").read_bytes() == before


def test_another_budget_is_another_bundle(made, model, cache) -> None:
    with pytest.raises(InputError, match=r"holds another bundle \(another budget\)"):
        export(model, made[0], 2e-3, QualityMeter(), cache)


def test_a_budget_that_all_hold_keeps_nothing(model, cache, tmp_path) -> None:
    export(model, tmp_path / "easy", 100, QualityMeter(), cache)
    budget = read_quantisation(tmp_path / "easy").budget
    assert (budget.kept_macs, budget.units, budget.measurements) == (0, (), 1)


def test_a_budget_that_cannot_be_held_names_the_parts(model, cache, tmp_path) -> None:
    class Never(QualityMeter):
        key = "cd" * 32

        def drops(self, subject, reference, images):
            (found,) = super().drops(subject, reference, images)
            return (FigureDrop(figure="box", points=found.points, standard_error=0.5),)

    with pytest.raises(BudgetError) as caught:
        export(model, tmp_path / "never", 0.1, Never(), cache)
    message = str(caught.value)
    assert message.startswith(
        "onnx-w8 cannot hold its budget on 134 images of a scene: best reached IoU of a box"
    )
    assert "allow more, or take more images" in message
    assert not (tmp_path / "never").exists()


def test_a_graph_that_gains_nothing_any_more_is_searched_again_in_another_form(
    model, cache, tmp_path, monkeypatch
) -> None:
    """With so much in float, 8-bit arithmetic is slower than weights alone."""
    forms = within.graph_in_its_form

    def slower(context, graph):
        record = forms(context, graph)
        kept = context.plan.choice(graph).kept
        precision = "w8" if kept else "w8a8"
        told = msgspec.structs.replace(record.quantisation, precision=precision, why="slow" if kept else "")
        return msgspec.structs.replace(record, quantisation=told)

    monkeypatch.setattr(within, "graph_in_its_form", slower)
    choices = {"precision": "w8a8", "calibration": open_calibration("drawn", 8)}
    export(model, tmp_path / "again", 1e-3, QualityMeter(), cache, **choices)
    told = {
        graph.graph: (graph.precision, graph.why) for graph in read_quantisation(tmp_path / "again").graphs
    }
    assert told["ask"] == ("w8", "slow")
    assert told["look"] == ("w8a8", "")
    assert read_quantisation(tmp_path / "again").budget.drops[0].upper(T_NEXT) <= 1e-3


def test_parts_that_no_converter_takes_hold_no_limit(model, cache, tmp_path, monkeypatch) -> None:
    lower = candidates.graph_of_precision

    def refusing(context, graph, precision, folder):
        if context.plan.choice(graph).kept:
            raise ExportError("not this mixture")
        return lower(context, graph, precision, folder)

    monkeypatch.setattr(candidates, "graph_of_precision", refusing)
    with pytest.raises(BudgetError, match="cannot hold its budget"):
        export(model, tmp_path / "refused", 1e-3, OtherMeter(), cache)


class OtherMeter(QualityMeter):
    key = "ef" * 32


def test_a_limit_that_the_meter_does_not_tell_is_refused(model, tmp_path) -> None:
    with pytest.raises(InputError, match="a limit of click, which the meter does not tell: box"):
        export_within_budget(model, tmp_path / "x", {"click": 1}, QualityMeter(), **CHOICES)


def test_images_to_calibrate_with_are_not_those_of_the_budget(model, cache, tmp_path) -> None:
    calibration, meter = open_calibration("drawn", 8), QualityMeter()
    meter.pixels_sha256 = {calibration.pixels_sha256["drawn 3"]: "val/3.png"}
    with pytest.raises(InputError, match=r"'drawn 3' is 'val/3\.png' of the budget's a scene"):
        export(model, tmp_path / "shared", 1, meter, cache, precision="w8a8", calibration=calibration)


def test_a_float_precision_has_no_budget(model, cache, tmp_path) -> None:
    with pytest.raises(InputError, match="a budget for precision fp16, which has no few bits"):
        export(model, tmp_path / "float", 1, QualityMeter(), cache, precision="fp16")
