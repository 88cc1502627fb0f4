"""Rows of `few_bits`: which there are, how they merge, and one measured at the smallest size."""

from __future__ import annotations

import pytest

import rapsam.benchmarks.studies.few_bits_forms as forms
from rapsam.benchmarks.studies.few_bits import known_records, measure_rows, place_in
from rapsam.benchmarks.studies.few_bits_measure import Place, measure
from rapsam.benchmarks.studies.few_bits_rows import all_rows, named_rows
from rapsam.benchmarks.studies.few_bits_training import trained_weights, training_sha256
from rapsam.errors import InputError, UnavailableError
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import RECIPES
from tests.benchmarks.made_up_records import few_bits_row

NOWHERE = Place(work=None, world=None)


def made_up(row, _place):
    return few_bits_row(row.recipe.backend, row.recipe.precision, row.model, name=row.name)


def never(row, _place):
    raise AssertionError(row.name)


def test_every_precision_of_every_target_has_a_row_and_float_has_none():
    rows = all_rows()
    nano = {(row.recipe.backend, row.recipe.precision) for row in rows.values() if row.model == "rapsam_nano"}
    assert nano == {(r.backend, r.precision) for r in RECIPES.values() if r.precision != "fp32"}
    assert all(row.float_recipe.precision == "fp32" for row in rows.values())
    assert rows["onnx-w8a8-r18"].model == "rapsam_r18"


def test_a_precision_is_measured_for_the_newest_ios():
    recipe = all_rows()["coreml-w8"].recipe
    assert recipe.ios == max(r.ios for r in RECIPES.values() if (r.backend, r.precision) == ("coreml", "w8"))


def test_a_trained_row_has_a_recipe_of_few_bits_that_can_be_trained_for():
    trained = [row for row in all_rows().values() if row.trained]
    assert [row.name for row in trained] == ["onnx-w8a8-trained"]
    assert all(row.recipe.calibrated and row.recipe.quantisation.stage == "graph" for row in trained)


def test_weights_that_are_trained_are_taken(tmp_path):
    made = tmp_path / f"trained-onnx-w8a8-{training_sha256()[:8]}" / "weights.safetensors"
    made.parent.mkdir()
    made.touch()
    assert trained_weights(tmp_path, "nano-synth", "onnx-w8a8") == made


def test_a_training_that_fails_is_said(tmp_path, capfd):
    (tmp_path / "world-train-1").mkdir()
    (tmp_path / "world-train-1" / "synth_train.json").touch()
    with pytest.raises(UnavailableError, match="rapsam train failed; see above why"):
        trained_weights(tmp_path, "nano-synth", "onnx-w9")
    assert "onnx-w9" in capfd.readouterr().err


def test_unknown_rows_are_refused():
    with pytest.raises(InputError, match="unknown row 'onnx-w9'"):
        named_rows(["onnx-w8", "onnx-w9"])


def test_rows_are_merged_into_the_record(tmp_path):
    path = tmp_path / "few_bits.json"
    measure_rows(named_rows(["onnx-w8", "onnx-w8a8"]), NOWHERE, 300, path, made_up)
    measure_rows(named_rows(["onnx-fp16", "onnx-w8"]), NOWHERE, 300, path, made_up)
    assert [row.name for row in known_records(path).rows] == ["onnx-w8", "onnx-w8a8", "onnx-fp16"]
    measure_rows(named_rows(["onnx-w8", "onnx-fp16"]), NOWHERE, 300, path, never)


def test_rows_of_other_images_or_other_source_code_are_measured_again(tmp_path):
    path, rows = tmp_path / "few_bits.json", named_rows(["onnx-w8"])
    old = few_bits_row("onnx", "w8", source_sha256="older")
    for stale in (old, few_bits_row("onnx", "w8", images=20)):
        measure_rows(rows, NOWHERE, 300, path, lambda *_, stale=stale: stale)
        measure_rows(rows, NOWHERE, 300, path, made_up)
        (row,) = known_records(path).rows
        assert (row.images, row.source_sha256) != (stale.images, stale.source_sha256)
        path.unlink()


def test_a_row_that_fails_keeps_no_other_waiting(tmp_path):
    path = tmp_path / "few_bits.json"

    def fail_once(row, place):
        if row.name == "onnx-w8":
            raise UnavailableError("no memory")
        return made_up(row, place)

    with pytest.raises(UnavailableError, match="not measured: onnx-w8;"):
        measure_rows(named_rows(["onnx-w8", "onnx-w8a8"]), NOWHERE, 300, path, fail_once)
    assert [row.name for row in known_records(path).rows] == ["onnx-w8a8"]


def test_what_cannot_run_here_says_why(tmp_path):
    path, name = tmp_path / "few_bits.json", "executorch-vulkan-fp16"
    measure_rows(named_rows([name]), NOWHERE, 300, path, never)
    records = known_records(path)
    assert records.rows == ()
    assert records.not_run[name]
    assert records.with_row(few_bits_row(name=name)).not_run == {}


@pytest.mark.slow  # it lowers six graphs
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # PyTorch's own use of its own class
def test_a_row_is_measured(tmp_path, monkeypatch):
    if reason := find_backend("onnx").unavailable():
        pytest.skip(reason)
    monkeypatch.setattr(forms, "SCORED", forms.SCORED._replace(size=(64, 64)))
    row = measure(all_rows()["onnx-fp16"], place_in(tmp_path, 2), rounds=1)
    assert [loss.figure for loss in row.losses] == ["pq", "click", "box"]
    assert (row.images, row.provenance, row.calibration) == (2, "measured", "")
    assert {graph.precision for graph in row.graphs} == {"fp16"}
    assert all(graph.times.ratio > 0 for graph in row.graphs)
    assert 0.4 < row.size_ratio < 0.7


def test_nothing_is_drawn_for_no_images(tmp_path):
    with pytest.raises(InputError, match="--images 0"):
        place_in(tmp_path, 0)
