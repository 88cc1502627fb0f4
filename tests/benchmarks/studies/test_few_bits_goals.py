"""What was asked of few bits, judged on records that are made up."""

from __future__ import annotations

import pytest

from rapsam.benchmarks.studies.few_bits_goals import ASKED, Finding, Goal, goals_of, verdict, verdicts
from rapsam.benchmarks.studies.few_bits_rows import all_rows
from tests.benchmarks.made_up_records import few_bits_row, graph_of


@pytest.mark.parametrize(
    ("points", "error", "expected"),
    [
        (0.2, 0.05, "holds"),
        (0.4, 0.05, "falls short"),
        (0.28, 0.05, "not decided"),
        (0.32, 0.05, "not decided"),
        (-0.5, None, "not decided"),
        (0.3, 0.0, "holds"),
    ],
)
def test_a_loss_within_an_error_of_its_limit_decides_nothing(points, error, expected):
    assert verdict(Finding(points, error), Goal("pq", 0.3)) == expected


def test_sizes_and_times_are_decided():
    assert verdict(Finding(0.31, None), Goal("size", 0.31)) == "holds"
    assert verdict(Finding(1.06, None), Goal("time", 1.05)) == "falls short"


def test_goals_are_those_of_target_and_precision():
    assert goals_of(few_bits_row("onnx", "w8a8"))["time"] == Goal("time", 0.48, "encoder")
    assert goals_of(few_bits_row("tflite", "w8"))["time"] == Goal("time", 1.05)
    assert goals_of(few_bits_row("onnx", "w8a8", "rapsam_r18")) == {
        "time": Goal("time", 0.55, "panoptic_image")
    }
    assert goals_of(few_bits_row("executorch", "w8da8")) == {}
    assert goals_of(few_bits_row("onnx", "w8a8", trained_with="nano-synth-qat"))["pq"] == Goal("pq", 0.2)


def test_the_slowest_graph_is_judged_where_none_is_named():
    row = few_bits_row("tflite", "w8", graphs=(graph_of("encoder", 1.0), graph_of("prompt", 1.2)))
    assert verdicts(row)["time"] == "falls short"
    emulated = few_bits_row("coreml", "w8", graphs=(graph_of("encoder"),))
    assert "time" not in verdicts(emulated)
    assert verdicts(emulated)["size"] == "holds"


def test_goals_are_about_rows_that_there_are():
    known = {(row.model, row.recipe.backend, row.recipe.precision) for row in all_rows().values()}
    known |= {(model, "", precision) for model, _, precision in known}
    assert set(ASKED) <= known
