from __future__ import annotations

import math

import msgspec
import pytest

from rapsam.benchmarks.latency.fidelity import fidelity_error, fidelity_of
from rapsam.benchmarks.latency.record import Validity
from rapsam.benchmarks.latency.verdict import fastest_correct, has_failed, headline
from rapsam.export.parity.report import TensorParity
from tests.benchmarks.latency.made_up_latency import fidelity, record, stage

VALID = Validity(min_duration_met=True, min_count_met=True, is_warm=True)
TOO_FEW = Validity(min_duration_met=True, min_count_met=False, is_warm=True)


def run(ms: float, **changes: object):
    whole = stage(ms, kind="end_to_end", of="panoptic")
    return record(stages=(stage(ms / 2), whole), **changes)


def row(status="passed", sqnr_db=100.0, max_abs=0.1, case="scene", reason=""):
    return TensorParity(
        runtime="ONNX Runtime",
        provenance="measured",
        status=status,
        reason=reason,
        graph="see",
        output="seen",
        case=case,
        max_abs=max_abs,
        cosine=1.0,
        sqnr_db=sqnr_db,
    )


def test_the_fastest_is_found_by_a_whole_task():
    found = fastest_correct([run(4.0), run(2.0), run(3.0)])
    assert found is not None
    assert (found.stage.kind, found.stage.ms.p50, found.margin) == ("end_to_end", 2.0, 1.5)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "failed", "error": "wrong", "fidelity": fidelity("failed")},
        {"fidelity": None},
        {"provenance": "estimated"},
        {"validity": None},
        {"validity": TOO_FEW},
    ],
)
def test_what_is_wrong_or_unknown_is_never_the_fastest(changes):
    slow = run(9.0)
    assert fastest_correct([run(1.0, **changes), slow]).record == slow
    assert fastest_correct([run(1.0, **changes)]) is None


def test_without_a_whole_task_the_first_stage_in_bursts_counts():
    stages = (stage(5.0, mode="sustained"), stage(2.0), stage(1.0, of="find"))
    assert headline(record(stages=stages)) == stages[1]
    assert headline(record(stages=())) is None


def test_the_worst_case_stands_beside_the_mean():
    found = fidelity_of([row(sqnr_db=100.0), row(sqnr_db=40.0, case="dark", max_abs=2.0), row(sqnr_db=None)])
    assert (found.status, found.cases, found.worst) == ("passed", 2, "see.seen on dark")
    assert (found.worst_sqnr_db, found.mean_sqnr_db, found.max_abs) == (40.0, 70.0, 2.0)
    assert fidelity_error(found) is None


def test_one_failed_output_fails_all():
    found = fidelity_of([row(), row("failed", sqnr_db=3.0, reason="SQNR 3.0 dB, gate 35")])
    assert found.status == "failed"
    assert "SQNR 3.0 dB, gate 35" in fidelity_error(found)


def test_an_output_that_is_not_there_is_the_worst():
    found = fidelity_of(
        [row(sqnr_db=20.0), row("failed", sqnr_db=None, max_abs=None, case="dark", reason="x\ny")]
    )
    assert (found.worst, found.worst_sqnr_db) == ("see.seen on dark", None)
    assert "\n" not in fidelity_error(found)


def test_an_infinite_ratio_is_not_written_as_a_number():
    found = fidelity_of([row("failed", sqnr_db=-math.inf)])
    assert found.rows[0].sqnr_db is None
    assert found.worst == "see.seen on scene"


def test_a_run_that_was_asked_for_by_name_must_not_fail():
    failed = run(1.0, status="failed", error="it hung")
    assert has_failed([run(4.0), failed], swept=False)
    assert not has_failed([run(4.0), run(3.0)], swept=False)


def test_a_sweep_fails_when_no_run_of_a_model_is_left():
    failed = run(1.0, status="failed", error="it hung")
    other = run(1.0, model=msgspec.structs.replace(failed.model, sha256="b" * 64))
    assert not has_failed([run(4.0), failed], swept=True)
    assert has_failed([failed, failed], swept=True)
    assert has_failed([failed, other], swept=True)
