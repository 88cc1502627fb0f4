"""Records of measurements, and the tables made from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rapsam.benchmarks.records import (
    SCHEMA_VERSION,
    ExportRecord,
    ExportRecords,
    now_utc,
    read_records,
    this_machine,
    write_records,
)
from rapsam.benchmarks.tables import all_tables, export_table, with_table
from rapsam.errors import InputError

ROOT = Path(__file__).resolve().parents[2]


def record(**changes):
    fields = {
        "created_utc": now_utc(),
        "machine": this_machine(),
        "provenance": "measured",
        "model": "rapsam_nano",
        "weights": "formula (untrained)",
        "recipe": "coreml-fp16-ios17",
        "size": (640, 640),
        "tool_versions": {},
        "export_s": 12.3,
        "peak_rss_mb": 700,
        "graphs_mb": {"encoder": 7.5, "prompt": 2.25},
        "runtimes": (),
        "not_run": ("Core ML: not run: needs macOS",),
        "status": "not run",
        "min_cosine": None,
        "min_object_iou": None,
        "min_prompt_iou": None,
        "min_pq": None,
        "failures": (),
        "benign": (),
    }
    return ExportRecord(**{**fields, **changes})


@pytest.mark.parametrize(
    ("file", "name", "table"),
    [(file, name, table) for file, tables in all_tables().items() for name, table in tables.items()],
    ids=lambda value: value if len(value) < 30 else "",
)
def test_the_texts_show_the_records(file, name, table):
    text = (ROOT / file).read_text()
    assert with_table(text, name, table) == text, "run: python -m rapsam.benchmarks.tables"


def test_what_did_not_run_is_shown_as_such():
    table = export_table(ExportRecords(schema_version=SCHEMA_VERSION, command="x", records=(record(),)))
    assert "| 9.8 | - | not run | - | - | - | 12 | 700 |" in table


def test_records_survive_the_way_to_disk(tmp_path):
    records = ExportRecords(schema_version=SCHEMA_VERSION, command="x", records=(record(min_pq=0.5),))
    write_records(tmp_path / "r.json", records)
    assert read_records(tmp_path / "r.json", ExportRecords) == records


@pytest.mark.parametrize("content", ["", "{}", '{"schema_version": 9, "command": "", "records": []}'])
def test_damaged_records_are_refused(tmp_path, content):
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(InputError, match="measure again"):
        read_records(tmp_path / "r.json", ExportRecords)


def test_a_text_without_markers_is_refused():
    before, after = "a<!-- x: begin -->", "<!-- x: end -->b"
    assert with_table(f"{before}old{after}", "x", "new") == f"{before}\nnew\n{after}"
    with pytest.raises(InputError, match="markers"):
        with_table("no place", "x", "table")
