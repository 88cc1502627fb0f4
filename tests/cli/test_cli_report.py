"""`rapsam report`: records to a page, and to tables for other tools."""

from __future__ import annotations

import json

import pytest

from rapsam.benchmarks.latency.record_file import read_latency_records, write_latency_records
from tests.benchmarks.latency.made_up_latency import record
from tests.cli.cli_runs import assert_refused, rapsam


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "bench.jsonl"
    write_latency_records(path, [record(), record(status="failed", error="it broke")])
    return path


def test_a_page_of_records_and_a_bundle(records, bundle, tmp_path):
    out = tmp_path / "report.html"
    outcome = rapsam("report", records, records, "--bundle", bundle, "-o", out)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith(f"{out}: 4 runs, 1 bundle, ")
    page = out.read_text()
    assert page.startswith("<!doctype html>")
    assert page.count('class="mark') == 4
    assert page.count("<img ") == 3 * 4, "reference, exported and difference, of two tasks on two images"
    assert str(records.parent) not in page


def test_a_bundle_alone_has_a_page(bundle, tmp_path):
    out = tmp_path / "report.html"
    assert rapsam("report", "--bundle", bundle, "--out", out).code == 0
    assert "Parity at export: passed" in out.read_text()


def test_json_is_the_records_as_they_are(records, tmp_path):
    printed = json.loads(rapsam("report", records, "--format", "json").out)
    assert printed == [json.loads(line) for line in records.read_text().splitlines()]
    out = tmp_path / "again.jsonl"
    assert rapsam("report", records, "--format", "json", "--out", out).code == 0
    assert read_latency_records(out) == read_latency_records(records)


@pytest.mark.parametrize(("kind", "start"), [("md", "| model |"), ("csv", "run_id,")])
def test_tables_are_printed_or_written(records, tmp_path, kind, start):
    printed = rapsam("report", records, "--format", kind)
    assert printed.code == 0
    assert printed.out.startswith(start)
    out = tmp_path / "table"
    assert rapsam("report", records, "--format", kind, "--out", out).code == 0
    assert out.read_text() == printed.out


@pytest.mark.parametrize("kind", ["html", "md", "json"])
def test_an_older_report_is_kept_unless_told_otherwise(records, tmp_path, kind):
    out = tmp_path / "report"
    out.write_text("mine")
    asked = ("report", records, "--format", kind, "--out", out)
    assert_refused(rapsam(*asked), f"{out} exists already; add --overwrite to replace it, or choose another")
    assert out.read_text() == "mine"
    assert rapsam(*asked, "--overwrite").code == 0
    assert out.read_text() != "mine"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "x.html"], "nothing to report"),
        (["RECORDS"], "the page needs a place; give it: --out"),
        (["RECORDS", "--bundle", "x", "--format", "csv"], "--bundle with --format csv"),
        (["RECORDS", "--format", "pdf"], "invalid choice: 'pdf'"),
        (["RECORDS", "--out", "RECORDS"], "which is read"),
        (["none.jsonl", "--out", "x.html"], "cannot read none.jsonl"),
        (["--bundle", "none", "--out", "x.html"], "none is no folder"),
        (["RECORDS", "--out", "/proc/x.html"], "cannot write"),
        (["RECORDS"] * 65, "65 files; expected at most 64"),
    ],
)
def test_wrong_calls_are_refused(records, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    given = [records if argument == "RECORDS" else argument for argument in arguments]
    assert_refused(rapsam("report", *given), says)
    assert list(tmp_path.iterdir()) == []
