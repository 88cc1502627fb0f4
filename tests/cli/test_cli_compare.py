"""`rapsam compare`: a gate for whoever builds on this toolkit."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from rapsam.benchmarks.compare.comparison import SCHEMA_FILE
from rapsam.benchmarks.latency.record_file import write_latency_records
from tests.benchmarks.latency.made_up_latency import record, stage
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle
from tests.cli.cli_runs import assert_refused, rapsam
from tests.published_schemas import assert_valid


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    times = [10 + 0.01 * (place % 7) for place in range(50)]
    for name, factor in (("before", 1.0), ("slower", 1.5)):
        write_latency_records(folder / name, [record(stages=(stage(*(factor * ms for ms in times)),))])
    other = msgspec.structs.replace(record().device, soc="another")
    write_latency_records(folder / "elsewhere", [record(device=other)])
    return folder


def test_nothing_worse(files):
    outcome = rapsam("compare", files / "before", files / "before")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[-1] == "3 ok"


def test_a_slower_run_is_named_and_fails(files):
    outcome = rapsam("compare", files / "before", files / "slower")
    assert outcome.code == 1
    assert outcome.err == "FAILED: 1 worse\n"
    held, _, failed = outcome.out.partition("\nworse, or not confirmed\n")
    assert "graph see" not in held
    (row,) = [line for line in failed.splitlines() if "graph see" in line]
    assert "1.50x (1.50..1.50)" in row
    assert outcome.out.splitlines()[-1] == "2 ok, 1 worse"
    assert rapsam("compare", files / "before", files / "slower", "--max-slower", "1.6").code == 0


def test_a_stage_that_was_not_measured_again_is_told_as_such(files, tmp_path):
    write_latency_records(tmp_path / "fewer", [record(stages=(stage(1.0, of="other"),))])
    outcome = rapsam("compare", files / "before", tmp_path / "fewer")
    assert outcome.code == 1
    assert outcome.err == "FAILED: 1 missing\n"
    (gone,) = [line for line in outcome.out.splitlines() if "graph see" in line]
    assert re.search(r"ms +none +missing +only before: measure it again, or compare without it$", gone)
    (new,) = [line for line in outcome.out.splitlines() if "graph other" in line]
    assert re.search(r"none +1 ms +new +only after$", new)


def test_json_says_the_same(files):
    outcome = rapsam("compare", files / "before", files / "slower", "--json")
    found = json.loads(outcome.out)
    assert_valid(found, SCHEMA_FILE)
    assert outcome.code == 1
    assert outcome.err.startswith(
        "FAILED onnx-tiny, ONNX Runtime, 1 thread: graph see: worse: 1.50x (1.50..1.50)"
    )
    assert outcome.err.count("\n") == 1
    assert found["limits"]["slower"] == 1.1
    assert [row["verdict"] for row in found["rows"]] == ["ok", "worse", "ok"]


def test_a_bundle_is_compared_by_its_parity(bundle):
    outcome = rapsam("compare", bundle, bundle)
    assert outcome.code == 0, outcome.err
    assert "task panoptic" in outcome.out


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--max-slower", "nan", "--max-slower nan; expected 1 to 100"),
        ("--max-slower", "0.9", "--max-slower 0.9; expected 1 to 100"),
        ("--max-larger", "inf", "--max-larger inf; expected 1 to 100"),
        ("--max-sqnr-drop", "-1", "--max-sqnr-drop -1.0; expected dB"),
        ("--max-quality-drop", "2", "--max-quality-drop 2.0; expected 0 to 1"),
        ("--max-delegated-drop", "x", "invalid float value: 'x'"),
    ],
)
def test_limits_that_are_none_are_refused(files, option, value, says):
    assert_refused(rapsam("compare", files / "before", files / "before", option, value), says)


def test_what_cannot_be_compared_is_refused(files, bundle, tmp_path):
    (tmp_path / "text").write_text("no record\n")
    assert_refused(rapsam("compare", files / "before", files / "elsewhere"), "against measured on another")
    assert_refused(rapsam("compare", files / "before", bundle), "two bundles or two files")
    assert_refused(rapsam("compare", files / "before", tmp_path / "text"), "is no latency record")
    assert_refused(rapsam("compare", tmp_path / "none", files / "before"), "cannot read")
    write_tiny_bundle(tmp_path / "tiny")  # its parity report has no rows
    assert_refused(rapsam("compare", tmp_path / "tiny", bundle), "tiny was run by nothing when it was made")
