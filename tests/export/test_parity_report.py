"""The verdict of a report follows from its rows."""

from __future__ import annotations

import msgspec
import pytest

from rapsam.export.parity_report import (
    SCHEMA_VERSION,
    DecisionParity,
    HistogramParity,
    ParityReport,
    TaskParity,
    TensorParity,
    VideoParity,
)


def report(*rows):
    tasks = [
        TaskParity(
            runtime=provenance, provenance=provenance, task="prompt", case="x", status=status, reason="why"
        )
        for provenance, status in rows
    ]
    return ParityReport(
        schema_version=SCHEMA_VERSION,
        model="m",
        recipe="r",
        size=(32, 32),
        reference="PyTorch",
        score_threshold=0.8,
        overlap_threshold=0.8,
        tensors=(),
        tasks=tuple(tasks),
    )


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([], "not run"),
        ([("measured", "not run")], "not run"),
        ([("measured", "not meaningful")], "not run"),
        ([("measured", "passed"), ("measured", "not run")], "passed"),
        ([("measured", "not run"), ("emulated", "passed")], "emulated"),
        ([("measured", "passed"), ("emulated", "passed")], "passed"),
        ([("measured", "passed"), ("emulated", "failed")], "failed"),
        ([("measured", "passed"), ("measured", "failed")], "failed"),
        ([("measured", "benign")], "not run"),
        ([("measured", "passed"), ("measured", "benign")], "passed"),
        ([("measured", "benign"), ("measured", "failed")], "failed"),
    ],
)
def test_verdict(rows, verdict):
    assert report(*rows).status == verdict


def test_reasons_are_listed_once():
    found = report(("measured", "not run"), ("measured", "not run"), ("measured", "failed"))
    assert found.not_run() == ("measured: not run: why",)
    assert found.failures() == ("measured: task 'prompt', input 'x': why",)


def test_every_kind_of_row_counts_and_is_named():
    about = {"runtime": "R", "provenance": "measured", "status": "failed", "reason": "why"}
    whole = msgspec.structs.replace(
        report(("measured", "passed")),
        tensors=(TensorParity(graph="g", output="o", case="x", **about),),
        histograms=(HistogramParity(case="x", histogram="mask areas", **about),),
        videos=(VideoParity(clip="c", **about),),
    )
    assert whole.status == "failed"
    assert whole.failures() == (
        "R: graph 'g', output 'o', input 'x': why",
        "R: histogram 'mask areas', input 'x': why",
        "R: clip 'c': why",
    )
    assert whole.lines("benign") == ()


def test_errors_are_the_flips_that_are_not_benign():
    row = DecisionParity(
        runtime="R", provenance="measured", case="x", decision="class", total=9, at_risk=4, flips=3, benign=2
    )
    assert row.errors == 1
