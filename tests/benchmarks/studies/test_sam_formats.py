"""The study of promptable networks in every format."""

from __future__ import annotations

import pytest

from rapsam.benchmarks.measuring.records import SCHEMA_VERSION
from rapsam.benchmarks.report.sam_formats import NOTHING, sam_formats_table
from rapsam.benchmarks.studies.sam_format_records import (
    COMMAND,
    GraphShare,
    SamFormatRecords,
    known_sam_formats,
)
from rapsam.benchmarks.studies.sam_formats import inputs_of, main, measure, with_row
from rapsam.errors import InputError
from rapsam.models.families import FAMILIES
from tests.models.sam.small_networks import SIDE, small_family

SHAPES = {"square": (50, 50), "tall": (90, 40)}


@pytest.fixture
def inputs(monkeypatch):
    monkeypatch.setitem(FAMILIES, "small", small_family())
    return inputs_of("repvit", SHAPES)


def test_a_bundle_is_made_once_and_compared_on_every_shape(inputs, tmp_path):
    row = measure(inputs, "onnx-fp32", tmp_path / "bundle", (SIDE, SIDE))
    assert (row.status, row.provenance, row.runtimes) == ("passed", "measured", ("ONNX Runtime",))
    assert row.images == SHAPES
    assert row.least_iou_image in SHAPES
    assert row.least_sqnr_db > 60
    assert 0.99 < row.least_iou <= row.mean_iou <= 1
    made = (tmp_path / "bundle" / "manifest.json").stat().st_mtime_ns
    assert row.export_s > 0
    again = measure(inputs, "onnx-fp32", tmp_path / "bundle", (SIDE, SIDE))
    assert (again.export_s, again.peak_rss_mb) == (None, None)
    assert (tmp_path / "bundle" / "manifest.json").stat().st_mtime_ns == made
    assert (again.status, again.least_iou) == (row.status, row.least_iou)


def test_a_row_takes_the_place_of_the_same_and_the_table_tells_it(inputs, tmp_path):
    row = measure(inputs, "onnx-fp32", tmp_path / "bundle", (SIDE, SIDE))
    empty = SamFormatRecords(schema_version=SCHEMA_VERSION, command=COMMAND)
    assert sam_formats_table(empty) == NOTHING
    records = with_row(
        with_row(with_row(empty, row), row), type(row)(**{**_fields(row), "recipe": "onnx-fp16"})
    )
    assert [each.recipe for each in records.rows] == ["onnx-fp16", "onnx-fp32"]
    share = GraphShare(delegate="XNNPACK", provenance="estimated", mac_share=0.9934, partitions=3)
    emulated = {**_fields(row), "provenance": "emulated", "shares": {"encoder": share, "decoder": share}}
    text = sam_formats_table(with_row(records, type(row)(**emulated)))
    assert text.count("`repvit`") == 2
    assert "| XNNPACK 99.3% in 3, estimated |" in text
    assert "50x50, 90x40" in text


def test_where_nothing_was_measured_nothing_is_told(inputs, tmp_path):
    row = measure(inputs, "onnx-fp32", tmp_path / "bundle", (SIDE, SIDE))
    nothing = dict.fromkeys(("least_sqnr_db", "mean_iou", "least_iou", "least_iou_image", "peak_rss_mb"))
    records = SamFormatRecords(schema_version=SCHEMA_VERSION, command=COMMAND)
    not_run = type(row)(**{**_fields(row), **nothing, "runtimes": (), "status": "not run", "exact": False})
    assert "| none | not run | - | - | - | - |" in sam_formats_table(with_row(records, not_run))
    equal = type(row)(**{**_fields(row), "exact": True, "least_sqnr_db": None})
    assert "| passed | exact |" in sam_formats_table(with_row(records, equal))


def test_an_unknown_network_is_one_line(tmp_path, monkeypatch, capsys):
    words = ["sam_formats", "--work", str(tmp_path), "--model", "nothing", "--recipe", "onnx-fp32"]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "unknown model 'nothing'" in capsys.readouterr().err.splitlines()[-1]


def test_damaged_records_are_refused(tmp_path):
    (tmp_path / "r.json").write_text("{")
    with pytest.raises(InputError):
        known_sam_formats(tmp_path / "r.json")
    assert known_sam_formats(tmp_path / "none.json").rows == ()


def _fields(row):
    return {name: getattr(row, name) for name in row.__struct_fields__}
