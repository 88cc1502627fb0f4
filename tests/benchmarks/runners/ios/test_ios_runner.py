"""The phone is a folder and the app a few lines: that a real one does the same is not shown here."""

from __future__ import annotations

import json

import pytest

from rapsam.benchmarks.latency.record_file import read_latency_records, write_latency_records
from rapsam.benchmarks.runners.app_contract import output_file
from rapsam.benchmarks.runners.base import Variant, Wanted
from rapsam.benchmarks.runners.ios import runner as ios_runner
from rapsam.benchmarks.runners.ios.runner import IosRunner
from rapsam.benchmarks.runners.ios.session import Patience
from rapsam.errors import InputError, UnavailableError
from tests.benchmarks.runners.app_result import GRAPHS, QUICK, RESULT
from tests.benchmarks.runners.ios.phone import UDID

WITHOUT = {"runtime": "ONNX Runtime", "threads": 2}


def quiet(_line: str) -> None:
    pass


@pytest.fixture
def runner():
    return IosRunner(Patience(copy_s=60.0, run_s=60.0, poll_s=0.1), lambda: "Darwin")


def measure(runner, bundle, timing=QUICK):
    return runner.measure([Variant(bundle, "ONNX Runtime", 2)], timing, None, "rapsam bench x", quiet)


def test_a_run_is_its_record(measuring_phone, runner, tiny_bundle, tmp_path):
    measuring_phone.answers("result", RESULT)
    (record,) = records = measure(runner, tiny_bundle)
    assert (record.status, record.error, record.fidelity.status) == ("done", None, "passed")
    assert (record.runner, record.provenance) == ("ios", "measured")
    assert (record.device.id, record.device.marketing_name, record.device.cores) == (UDID, "iPhone 15 Pro", 6)
    assert (record.device.os, record.device.os_version, record.device.low_power) == ("iOS", "26.0", False)
    assert (record.runtime.version, record.compute.reported) == ("1.29.0", ("CPUExecutionProvider",))
    assert [(graph.graph, graph.load_ms) for graph in record.graphs] == [(graph, 10.0) for graph in GRAPHS]
    assert [(stage.name, stage.ms.p50, stage.min_count_met) for stage in record.stages] == [
        (f"graph {graph}", 2.0, True) for graph in GRAPHS
    ]
    assert record.memory.peak_mb == 90
    assert record.thermal is None
    assert record.notes == ("app 1.0 (7)", "heat as the system calls it, in order: nominal, fair")
    write_latency_records(tmp_path / "a.jsonl", records)
    assert read_latency_records(tmp_path / "a.jsonl") == records


def test_the_phone_is_told_what_to_run(measuring_phone, runner, tiny_bundle):
    measuring_phone.answers("result", RESULT)
    measure(runner, tiny_bundle)
    (folder,) = (measuring_phone.folder / "container/Documents/rapsam-bench").iterdir()
    job = json.loads((folder / "job.json").read_text())
    assert {key: job[key] for key in WITHOUT} == WITHOUT
    assert (job["schema_version"], job["run_id"], job["timing"]["iters"]) == (1, folder.name, 2)
    assert (folder / "bundle" / "see.onnx").read_bytes() == (tiny_bundle / "see.onnx").read_bytes()
    launch = next(call for call in measuring_phone.calls() if "launch" in call)
    assert launch.endswith(f"--device {UDID} org.rapsam.sample --rapsam-benchmark {folder.name}")
    copy = next(call for call in measuring_phone.calls() if call.startswith("device copy to"))
    assert "--domain-type appDataContainer --domain-identifier org.rapsam.sample" in copy


def test_an_app_that_stays_after_it_has_finished_is_not_waited_for(measuring_phone, runner, tiny_bundle):
    measuring_phone.answers("result", RESULT)
    measuring_phone.does("stays")
    (record,) = measure(runner, tiny_bundle)
    assert record.status == "done"


def test_a_wrong_answer_is_a_failed_run_that_keeps_its_times(measuring_phone, runner, tiny_bundle):
    measuring_phone.answers("result", RESULT)
    path = measuring_phone.folder / "outputs" / output_file(0, 0, 0)
    path.write_bytes(bytes(path.stat().st_size))
    (record,) = measure(runner, tiny_bundle)
    assert record.status == "failed"
    assert record.error.startswith("wrong on this device: see.seen on scene: ")
    assert record.stages


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("copy fails", "devicectl device copy to: The file could not be copied."),
        ("locked", "the app was not started: the iPhone is locked"),
        ("crashes", "the app was not started, or crashed (exit code 1): App terminated due to signal 11."),
        ("ends without a result", "the app ended without a result"),
        ("an old one", "the app ended without a result"),
        ("leaves nothing", "devicectl device copy from: The file could not be copied."),
    ],
)
def test_whatever_goes_wrong_on_the_phone_is_a_failed_record(
    measuring_phone, runner, tiny_bundle, tmp_path, mode, says
):
    measuring_phone.answers("result", RESULT)
    measuring_phone.does(mode)
    (record,) = measure(runner, tiny_bundle)
    assert record.status == "failed"
    assert says in record.error
    assert (record.device.id, record.stages, record.fidelity) == (UDID, (), None)
    write_latency_records(tmp_path / "a.jsonl", [record])
    assert read_latency_records(tmp_path / "a.jsonl") == (record,)


def test_an_app_that_never_finishes_is_ended(measuring_phone, tiny_bundle):
    measuring_phone.does("never finishes")
    runner = IosRunner(Patience(copy_s=20.0, run_s=1.0, poll_s=0.1), lambda: "Darwin")
    (record,) = measure(runner, tiny_bundle)
    assert "the app did not finish in 1 s" in record.error


def without(key):
    return {name: value for name, value in RESULT.items() if name != key}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("hello", "that is not understood: JSON is malformed"),
        ("[" * 100_000, "that is not understood"),
        (without("graphs"), "missing required field `graphs`"),
        (RESULT | {"extra": 1}, "unknown field `extra`"),
        (RESULT | {"run_id": "x" * 32}, f"the app left the result of run '{'x' * 32}', schema 1"),
        (RESULT | {"schema_version": 2}, "install the app of this toolkit's version"),
        (RESULT | {"error": "Core ML refused encoder"}, "the app says: Core ML refused encoder"),
        (RESULT | {"error": "a\x1b[31m"}, "that is not understood"),
        (RESULT | {"graphs": RESULT["graphs"][:2]}, "the app tells of 2 graphs; expected see, find, answer"),
        (RESULT | {"stages": RESULT["stages"][:2]}, "the app timed 2 stages, or others than the 3 wanted"),
        (RESULT | {"stages": [{**RESULT["stages"][0], "samples_ms": []}]}, "that is not understood"),
        (RESULT | {"stages": [{**RESULT["stages"][0], "samples_ms": [-1.0]}]}, "that is not understood"),
    ],
)
def test_a_result_that_makes_no_sense_is_a_failed_record(measuring_phone, runner, tiny_bundle, content, says):
    measuring_phone.answers("result", content)
    (record,) = measure(runner, tiny_bundle)
    assert record.status == "failed"
    assert says in record.error


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda path: path.unlink(), "the app left no output 'classes' of the right size"),
        (lambda path: path.write_bytes(bytes(8)), "the app left 8 bytes of output 'classes'; expected 820"),
        (lambda path: path.write_bytes(bytes(4000)), "the app left no output 'classes' of the right size"),
    ],
)
def test_outputs_that_are_missing_are_no_wrong_answers(measuring_phone, runner, tiny_bundle, change, says):
    measuring_phone.answers("result", RESULT)
    change(measuring_phone.folder / "outputs" / output_file(0, 1, 0))
    (record,) = measure(runner, tiny_bundle)
    assert says in record.error
    assert record.fidelity is None


def test_a_phone_that_is_gone_is_a_failed_record(phone, runner, tiny_bundle):
    phone.lists()
    (record,) = measure(runner, tiny_bundle)
    assert record.error.startswith("no iPhone is known to this Mac")
    assert (record.device.platform, record.device.id) == ("ios", None)


def test_variants_are_what_the_app_can_be_asked_for(tiny_bundle, monkeypatch):
    runner = IosRunner()
    assert runner.variants(Wanted((tiny_bundle,)), None) == (Variant(tiny_bundle, "ONNX Runtime", 2),)
    monkeypatch.setitem(ios_runner.RUNTIMES, "onnx", ios_runner.RUNTIMES["coreml"])
    found = runner.variants(Wanted((tiny_bundle,), all_units=True), None)
    assert [(one.runtime, one.threads) for one in found] == [
        (name, None) for name in ios_runner.RUNTIMES["coreml"]
    ]
    (one,) = runner.variants(Wanted((tiny_bundle,), runtime="Core ML, CPU"), None)
    assert one.runtime == "Core ML, CPU"


def test_what_the_app_does_not_run_is_refused(tiny_bundle, monkeypatch):
    for wanted, error, says in (
        (Wanted((tiny_bundle / "see.onnx",)), InputError, "is a bare file; expected a bundle"),
        (Wanted((tiny_bundle,), threads=0), InputError, "--threads 0; expected 1 to 16"),
        (Wanted((tiny_bundle,), runtime="LiteRT"), InputError, "unknown runtime 'LiteRT'"),
    ):
        with pytest.raises(error, match=says):
            IosRunner().variants(wanted, None)
    monkeypatch.delitem(ios_runner.RUNTIMES, "onnx")
    with pytest.raises(UnavailableError, match="is of the target onnx, which the sample app does not run"):
        IosRunner().variants(Wanted((tiny_bundle,)), None)
