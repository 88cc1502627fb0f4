"""The texts of the repository show what the records say."""

from __future__ import annotations

from pathlib import Path

import pytest

from rapsam.benchmarks.measuring.records import SCHEMA_VERSION
from rapsam.benchmarks.report.markdown import replace_table
from rapsam.benchmarks.report.tables import all_tables, export_table
from rapsam.benchmarks.studies.export_matrix import ExportRecords
from rapsam.errors import InputError
from tests.benchmarks.made_up_records import export_record

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("file", "name", "table"),
    [(file, name, table) for file, tables in all_tables().items() for name, table in tables.items()],
    ids=lambda value: value if len(value) < 30 else "",
)
def test_the_texts_show_the_records(file, name, table):
    text = (ROOT / file).read_text()
    assert replace_table(text, name, table) == text, "run: python -m rapsam.benchmarks.report.tables"


def test_what_did_not_run_is_shown_as_such():
    table = export_table(
        ExportRecords(schema_version=SCHEMA_VERSION, command="x", records=(export_record(),))
    )
    assert "| 9.8 | - | not run | - | - | - | 12 | 700 |" in table


def test_a_text_without_markers_is_refused():
    before, after = "a<!-- x: begin -->", "<!-- x: end -->b"
    assert replace_table(f"{before}old{after}", "x", "new") == f"{before}\nnew\n{after}"
    with pytest.raises(InputError, match="markers"):
        replace_table("no place", "x", "table")
