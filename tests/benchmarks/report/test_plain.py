"""Records as Markdown and as comma-separated values, and how old a figure is."""

from __future__ import annotations

import csv
import io

import msgspec
import pytest

from rapsam.benchmarks.report.freshness import outdated
from rapsam.benchmarks.report.plain import csv_of, markdown_of
from rapsam.benchmarks.report.words import UNKNOWN, megabytes, milliseconds, percent
from rapsam.export.backends.packages import installed_versions
from tests.benchmarks.latency.made_up_latency import record, stage

change = msgspec.structs.replace


def with_runtime(version: str | None, **versions: str):
    return record(runtime=change(record().runtime, version=version, versions=versions))


def test_a_figure_of_the_installed_runtime_is_current():
    installed = installed_versions(("onnxruntime",))["onnxruntime"]
    assert outdated(with_runtime(installed, onnxruntime=installed, numpy="0")) is None


def test_a_figure_of_a_runtime_with_an_environment_of_its_own_is_current():
    versions = {"tflite-runtime": "2.14.0"}
    assert outdated(with_runtime("2.14.0", **versions)) is None


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (with_runtime("0.1", onnxruntime="0.1"), "measured with ONNX Runtime 0.1"),
        (with_runtime("1", **{"onnxruntime-web": "1"}), "measured with ONNX Runtime 1"),
        (with_runtime(None), "measured with ONNX Runtime, version unknown"),
        (with_runtime("1", **{"": "1", "../x": "1"}), "measured with ONNX Runtime 1"),
        (
            change(with_runtime("1"), provenance="emulated", stages=(), validity=None),
            "emulated with ONNX Runtime 1",
        ),
    ],
)
def test_others_say_with_what_they_were_made(made, says):
    assert outdated(made) == says


def test_markdown_has_a_line_a_run_and_no_foreign_marks():
    evil = "a|b`<script>[x](y)*"
    named = record(model=change(record().model, file=evil, recipe=None), memory=None)
    lines = markdown_of([record(), named, record(status="failed", error="it broke")]).splitlines()
    assert len(lines) == 2 + 3 + 2
    assert lines[2].startswith(
        "| onnx-tiny | onnx-fp32 | a processor | ONNX Runtime 1 | 1 | graph see | 2 ms |"
    )
    assert "| a\\|b'&lt;script&gt;\\[x](y)\\* | unknown |" in lines[3]
    assert lines[3].split(" | ")[11] == UNKNOWN
    assert lines[-1] == "- onnx-tiny: failed: it broke"


def test_csv_has_a_line_a_stage_and_nothing_for_what_is_not_known():
    rows = list(
        csv.DictReader(
            io.StringIO(
                csv_of([record(stages=(stage(1.0), stage(2.0, of="find"))), record(stages=(), validity=None)])
            )
        )
    )
    assert [row["stage"] for row in rows] == ["graph see", "graph find", ""]
    assert (rows[0]["p50_ms"], rows[0]["p99_ms"], rows[2]["p50_ms"]) == ("1.0", "", "")
    assert rows[0]["threads"] == "1"


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_csv_holds_no_formulas(start):
    made = record(model=change(record().model, file=f"{start}cmd|'/c calc'!A0"))
    (row,) = csv.DictReader(io.StringIO(csv_of([made])))
    assert row["model"].startswith(f"'{start}cmd")


def test_figures_for_people():
    assert [milliseconds(value) for value in (None, 0.12345, 12.345, 1234.5)] == [
        "unknown",
        "0.123 ms",
        "12.3 ms",
        "1,234 ms",
    ]
    assert [percent(value) for value in (None, 0, 1e-9, 0.005, 0.5, 0.99999, 1)] == [
        *("unknown", "0%", "under 0.01%", "0.50%", "50.0%", "over 99.99%", "100%")
    ]
    assert [megabytes(value) for value in (None, 10, 20_800_000)] == ["unknown", "0.0 kB", "20.8 MB"]
