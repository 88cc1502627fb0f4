"""What got worse between two measurements, and what cannot be told."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from rapsam.benchmarks.compare.comparison import Comparison, Limits
from rapsam.benchmarks.compare.judge import judge_pair
from rapsam.benchmarks.compare.match import compare
from rapsam.benchmarks.compare.run import read_runs
from rapsam.benchmarks.latency.record import LatencyRecord, Validity
from rapsam.benchmarks.latency.record_file import write_latency_records
from rapsam.errors import InputError
from tests.benchmarks.latency.made_up_latency import fidelity, record, stage

change = msgspec.structs.replace
STEADY = tuple(10 + 0.01 * (place % 7) for place in range(50))


def timed(factor: float = 1.0, **changes: object) -> LatencyRecord:
    return record(**{"stages": (stage(*(factor * ms for ms in STEADY)),), **changes})


def compared(tmp_path: Path, before: object, after: object, **limits: float) -> Comparison:
    for name, records in (("a", before), ("b", after)):
        write_latency_records(tmp_path / name, records if isinstance(records, list) else [records])
    return compare(tmp_path / "a", tmp_path / "b", Limits(**limits))


def verdicts(found: Comparison) -> dict[str, str]:
    return {row.figure: row.verdict for row in found.rows}


def with_share(share: float | None, provenance: str = "measured") -> LatencyRecord:
    graph = change(timed().graphs[0], delegated_mac_share=share, delegate_provenance=provenance, delegate="X")
    return timed(graphs=(graph,))


def with_sqnr(ratio: float | None, status: str = "passed") -> LatencyRecord:
    row = change(fidelity().rows[0], sqnr_db=ratio, status=status)
    return timed(fidelity=change(fidelity(), rows=(row,)))


def test_the_same_run_is_as_good_as_itself(tmp_path):
    found = compared(tmp_path, timed(), timed())
    assert verdicts(found) == {"size": "ok", "graph see": "ok", "see.seen": "ok"}
    assert (found.pairs, found.failed) == (1, ())


@pytest.mark.parametrize(("factor", "verdict"), [(0.5, "ok"), (1.08, "ok"), (1.2, "worse")])
def test_times_are_judged_by_the_ratio_of_their_medians(tmp_path, factor, verdict):
    found = compared(tmp_path, timed(), timed(factor))
    row = next(row for row in found.rows if row.figure == "graph see")
    assert row.verdict == verdict
    assert row.ratio == pytest.approx(factor)
    assert row.ratio_low <= row.ratio <= row.ratio_high


def test_the_limit_is_a_choice(tmp_path):
    assert verdicts(compared(tmp_path, timed(), timed(1.2), slower=1.3))["graph see"] == "ok"


@pytest.mark.parametrize(
    "after",
    [
        timed(stages=(stage(9.0, 14.0, 10.0, 13.0, 9.5, 11.9, 12.5, 9.9),)),
        timed(stages=(stage(99.0, 99.0),)),
        timed(2, validity=Validity(min_duration_met=True, min_count_met=False, is_warm=True)),
    ],
)
def test_times_that_do_not_decide_do_not_fail(tmp_path, after):
    found = compared(tmp_path, timed(), after)
    assert verdicts(found)["graph see"] == "not decided"
    assert found.failed == ()


def test_a_runtime_of_another_version_is_the_same_runtime(tmp_path):
    newer = timed(runtime=change(timed().runtime, version="2"))
    found = compared(tmp_path, timed(), newer)
    assert found.pairs == 1
    assert "(version 1 to 2)" in found.rows[0].run


@pytest.mark.parametrize(("size", "verdict"), [(10, "ok"), (11, "worse"), (5, "ok")])
def test_sizes(tmp_path, size, verdict):
    assert (
        verdicts(compared(tmp_path, timed(), timed(model=change(timed().model, size_bytes=size))))["size"]
        == verdict
    )


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (20.0, 18.0, "ok"),
        (20.0, 16.0, "worse"),
        (130.0, 90.0, "ok"),  # both differ by the order of sums alone
        (None, 90.0, "ok"),
        (None, 40.0, "worse"),
        (20.0, None, "ok"),
    ],
)
def test_fidelity(tmp_path, before, after, verdict):
    assert verdicts(compared(tmp_path, with_sqnr(before), with_sqnr(after)))["see.seen"] == verdict


def test_a_fast_wrong_answer_is_worse(tmp_path):
    wrong = timed(0.5, status="failed", error="wrong on this device", fidelity=fidelity("failed", "3 dB"))
    found = compared(tmp_path, timed(), wrong)
    assert {"run": "worse", "see.seen": "worse", "graph see": "ok"}.items() <= verdicts(found).items()
    again = compared(tmp_path, wrong, wrong)
    assert again.failed == ()
    assert verdicts(again)["run"] == "not decided"
    assert verdicts(compared(tmp_path, wrong, timed()))["run"] == "ok"


@pytest.mark.parametrize(("share", "verdict"), [(0.995, "ok"), (0.9, "worse"), (None, "missing")])
def test_delegated_shares(tmp_path, share, verdict):
    assert verdicts(compared(tmp_path, with_share(1.0), with_share(share)))["see, delegated"] == verdict


def test_an_estimated_share_is_not_compared_with_a_measured_one(tmp_path):
    found = compared(tmp_path, with_share(1.0), with_share(1.0, "estimated"))
    assert verdicts(found)["see, delegated"] == "not comparable"


def test_what_is_gone_fails_and_what_is_new_does_not(tmp_path):
    other = timed(compute=change(timed().compute, threads=2))
    gone = compared(tmp_path, [timed(), other], timed())
    assert [(row.run, row.verdict) for row in gone.failed] == [
        ("onnx-tiny, ONNX Runtime, 2 threads", "missing")
    ]
    new = compared(tmp_path, timed(), [timed(), other])
    assert (new.failed, new.rows[-1].verdict) == ((), "new")
    stages = compared(tmp_path, timed(), timed(stages=(stage(*STEADY, of="find"),)))
    assert {"graph see": "missing", "graph find": "new"}.items() <= verdicts(stages).items()


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (timed(provenance="emulated", stages=(), validity=None), "measured on .* against emulated on"),
        (timed(device=change(timed().device, soc="another")), "measured on a processor, local against"),
        (timed(runner="browser"), "local against measured on a processor, browser"),
    ],
)
def test_other_devices_and_emulators_are_not_compared(tmp_path, after, says):
    with pytest.raises(InputError, match=f"no run of .*{says}"):
        compared(tmp_path, timed(), after)
    other = timed(compute=change(timed().compute, threads=2))
    mixed = compared(tmp_path, [timed(), other], [after, other])
    assert mixed.rows[0].verdict == "not comparable"
    assert len(mixed.failed) == 1


def test_another_version_of_the_system_is_the_same_device(tmp_path):
    upgraded = timed(device=change(timed().device, os_version="7", load_average=3.0, ram_mb=999))
    assert compared(tmp_path, timed(), upgraded).pairs == 1


def test_bundles_that_were_checked_on_other_images_are_not_compared_by_them(tmp_path):
    write_latency_records(tmp_path / "a", [timed()])
    (run,) = read_runs(tmp_path / "a")
    rows = judge_pair(run._replace(images="ab"), run._replace(images="cd"), Limits())
    found = {row.figure: row.verdict for row in rows}
    assert found == {"size": "ok", "graph see": "ok", "fidelity": "not comparable"}


def test_rows_say_where_runs_took_place_that_took_place_at_several(tmp_path):
    name = "onnx-tiny, ONNX Runtime, 1 thread"
    assert {row.run for row in compared(tmp_path, timed(), timed()).rows} == {name}
    both = [timed(), timed(device=change(timed().device, soc="another"))]
    assert {row.run for row in compared(tmp_path, both, both).rows} == {
        f"{name}, a processor, local",
        f"{name}, another, local",
    }


def test_bundles_of_one_recipe_are_told_apart_by_name(tmp_path):
    second = timed(model=change(timed().model, file="another"))
    assert compared(tmp_path, [timed(), second], [second, timed()]).pairs == 2
    with pytest.raises(InputError, match="holds onnx-tiny, ONNX Runtime, 1 thread twice"):
        compared(tmp_path, [timed(), timed()], timed())


def test_nothing_in_common_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected the same model"):
        compared(tmp_path, timed(), timed(compute=change(timed().compute, threads=2)))
