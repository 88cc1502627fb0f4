"""The verdict of a report follows from its rows."""

from __future__ import annotations

import pytest

from rapsam.export.parity_report import SCHEMA_VERSION, ParityReport, TaskParity


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
    ],
)
def test_verdict(rows, verdict):
    assert report(*rows).status == verdict


def test_reasons_are_listed_once():
    found = report(("measured", "not run"), ("measured", "not run"), ("measured", "failed"))
    assert found.not_run() == ("measured: not run: why",)
    assert found.failures() == ("measured: task 'prompt', input 'x': why",)
