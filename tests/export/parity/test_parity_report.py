"""The verdict of a report follows from its rows."""

from __future__ import annotations

import msgspec
import pytest

from rapsam.export.bundle.manifest import ParitySummary
from rapsam.export.parity.report import (
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
        ([("measured", "not meaningful")], "undecided"),
        ([("measured", "not meaningful"), ("emulated", "passed")], "undecided"),
        ([("measured", "passed"), ("emulated", "not meaningful")], "passed"),
        ([("measured", "not run"), ("emulated", "not meaningful")], "undecided"),
        ([("measured", "not meaningful"), ("measured", "passed")], "passed"),
        ([("measured", "not meaningful"), ("emulated", "failed")], "failed"),
        ([("measured", "passed"), ("measured", "not run")], "passed"),
        ([("measured", "not run"), ("emulated", "passed")], "emulated"),
        ([("measured", "passed"), ("emulated", "passed")], "passed"),
        ([("measured", "passed"), ("emulated", "failed")], "failed"),
        ([("measured", "passed"), ("measured", "failed")], "failed"),
        ([("measured", "benign")], "passed"),
        ([("measured", "passed"), ("measured", "benign")], "passed"),
        ([("measured", "benign"), ("measured", "failed")], "failed"),
    ],
)
def test_verdict(rows, verdict):
    assert report(*rows).status == verdict


ABOUT = {"provenance": "measured", "reason": "why"}


def tensor(status, runtime="R", output="mask_logits"):
    return TensorParity(graph="panoptic", output=output, case="x", runtime=runtime, status=status, **ABOUT)


def task(status, runtime="R", name="panoptic", case="x"):
    return TaskParity(task=name, case=case, runtime=runtime, status=status, **ABOUT)


def with_rows(tensors=(), tasks=(), histograms=(), videos=()):
    return msgspec.structs.replace(
        report(), tensors=tensors, tasks=tasks, histograms=histograms, videos=videos
    )


def test_one_row_that_passes_does_not_prove_the_others():
    """Nothing is decided but the areas of masks: that is no proof of classes or masks."""
    areas = HistogramParity(case="x", histogram="mask areas", runtime="R", status="passed", **ABOUT)
    found = with_rows((tensor("not meaningful"),), (task("not meaningful"),), (areas,))
    assert found.status == "undecided"
    assert found.undecided() == ("R: graph 'panoptic', output 'mask_logits'", "R: task 'panoptic'")


def test_every_output_and_task_and_clip_needs_an_input_that_decides_it():
    good = (tensor("passed"), task("passed"))
    clip = VideoParity(clip="c", runtime="R", status="not meaningful", **ABOUT)
    assert with_rows(good[:1], good[1:]).status == "passed"
    assert with_rows((*good[:1], tensor("not meaningful", output="queries")), good[1:]).status == "undecided"
    assert with_rows(good[:1], (*good[1:], task("not meaningful", name="prompt"))).status == "undecided"
    assert with_rows(good[:1], (*good[1:], task("not meaningful", case="y"))).status == "passed"
    assert with_rows(good[:1], good[1:], videos=(clip,)).undecided() == ("R: clip 'c'",)


def test_every_runtime_must_decide_for_itself():
    rows = (task("passed"), task("not meaningful", runtime="Other"))
    assert with_rows(tasks=rows).undecided() == ("Other: task 'panoptic'",)


def test_a_benign_task_is_decided_in_part_and_a_benign_tensor_is_not():
    assert with_rows((tensor("passed"),), (task("benign"),)).status == "passed"
    assert with_rows((tensor("benign"),), (task("passed"),)).status == "undecided"


def test_a_manifest_can_say_so():
    summary = ParitySummary(status="undecided", reference="r", failures=(), benign=(), not_run=())
    assert msgspec.json.decode(msgspec.json.encode(summary), type=ParitySummary) == summary


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
