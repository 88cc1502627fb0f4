"""The study of the harness: what it adds, how it repeats, networks beside each other."""

from __future__ import annotations

from functools import partial

import pytest

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.measuring.records import SCHEMA_VERSION, read_records, write_records
from rapsam.benchmarks.report.harness import NOTHING, harness_table
from rapsam.benchmarks.studies.harness import ask, beside_peers, overhead, repeated
from rapsam.benchmarks.studies.harness_records import COMMAND, HarnessRecords, Ratio
from rapsam.errors import UnavailableError
from rapsam.machine import this_machine

TIMING = Timing(iters=3, min_seconds=0.01)


def records(*ratios, **not_run):
    return HarnessRecords(schema_version=SCHEMA_VERSION, command=COMMAND, ratios=ratios, not_run=not_run)


def ratio(question="overhead", value=1.0, limit=1.01):
    return Ratio(
        question=question,
        what="graph encoder",
        subject="rapsam bench",
        beside="a plain loop",
        subject_ms=10.0,
        beside_ms=9.0,
        ratio=value,
        limit=limit,
        created_utc="2026-01-02T03:04:05+00:00",
        machine=this_machine(),
        load_average=0.5,
    )


def test_every_graph_is_timed_by_both_loops(tiny_bundle):
    found = list(overhead(tiny_bundle, rounds=2))
    assert [one.question for one in found] == ["overhead"] * len(found)
    assert {one.what for one in found} == {"graph see", "graph find", "graph answer"}
    assert all(one.subject_ms > 0 and one.beside_ms > 0 and one.ratio > 0 for one in found)


def test_a_bundle_is_timed_beside_itself_and_beside_others(tiny_bundle):
    again = list(repeated(tiny_bundle, TIMING))
    assert {"end_to_end panoptic", "click prompt", "graph see"} <= {one.what for one in again}
    peer = next(tiny_bundle.rglob("*see*.onnx"))
    beside = list(beside_peers(tiny_bundle, [peer], TIMING))
    assert {one.beside for one in beside} == {peer.name}
    assert "graph see" not in {one.what for one in beside}


def test_questions_that_are_not_asked_keep_their_answers():
    def broken():
        raise UnavailableError("no Chromium is installed")

    before = records(ratio("repeated"), ratio("overhead", 3.0), peers="none were given")
    after = ask({"overhead": lambda: [ratio("overhead", 2.0)], "browser": broken}, before)
    assert [(one.question, one.ratio) for one in after.ratios] == [("repeated", 1.0), ("overhead", 2.0)]
    assert after.not_run == {"peers": "none were given", "browser": "no Chromium is installed"}
    again = ask({"browser": partial(iter, [ratio("browser")])}, after)
    assert "browser" not in again.not_run


def test_the_table_says_what_holds_and_what_was_not_measured(tmp_path):
    path = tmp_path / "harness.json"
    write_records(
        path, records(ratio(value=1.02), ratio(value=1.0), ratio("peers", 2.0, None), browser="why")
    )
    table = harness_table(read_records(path, HarnessRecords))
    assert "| 1.020 | <= 1.01: falls short |" in table
    assert "| 1.000 | <= 1.01: holds |" in table
    assert "| 2.000 | - |" in table
    assert "- browser: not measured: why" in table
    assert "2026-01-02" in table
    assert harness_table(records()) == NOTHING


def test_a_question_of_no_name_is_refused(tmp_path):
    path = tmp_path / "harness.json"
    write_records(path, records(ratio()))
    path.write_text(path.read_text().replace('"overhead"', '"weather"'))
    with pytest.raises(Exception, match="weather"):
        read_records(path, HarnessRecords)
