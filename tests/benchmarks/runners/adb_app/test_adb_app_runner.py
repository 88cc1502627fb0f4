"""Over a real adbd to an app that is a few lines: what is asked, and what is recorded."""

from __future__ import annotations

import pytest

from rapsam.benchmarks.latency.record_file import read_latency_records, write_latency_records
from rapsam.benchmarks.runners.app_contract import APP_ID, FOLDER, output_file
from rapsam.benchmarks.runners.base import Variant, Wanted
from rapsam.errors import InputError, UnavailableError
from tests.benchmarks.runners.adb_app.app_runs import CPU, Lines, measure
from tests.benchmarks.runners.app_result import GRAPHS, RESULT


def test_a_run_is_its_record(app_phone, runner, tiny_bundle, tiny_outputs, tmp_path):
    app_phone.app_answers(RESULT, tiny_outputs)
    (record,) = records = measure(runner, tiny_bundle)
    assert (record.status, record.error, record.fidelity.status) == ("done", None, "passed")
    assert (record.runner, record.provenance) == ("adb-app", "measured")
    assert (record.device.id, record.device.model) == (app_phone.device.serial, "google Pixel 8")
    assert (record.device.low_power, record.device.battery_pct) == (False, 81.0)
    assert (record.app.build_type, record.runtime.version) == ("release", "1.29.0")
    assert [(graph.graph, graph.load_ms) for graph in record.graphs] == [(graph, 10.0) for graph in GRAPHS]
    assert [(stage.name, stage.ms.p50) for stage in record.stages] == [
        (f"graph {graph}", 2.0) for graph in GRAPHS
    ]
    assert {one.sensor for one in record.thermal} == {"battery", "BIG", "VIRTUAL-SKIN"}
    assert {charge.percent for charge in record.battery} == {81.0}
    for words in ("app 1.0 (7)", "thermal status none before", "the app was in front, the screen on"):
        assert any(words in note for note in record.notes), words
    assert app_phone.left() == []
    assert not app_phone.is_running()
    write_latency_records(tmp_path / "a.jsonl", records)
    assert read_latency_records(tmp_path / "a.jsonl") == records


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_app_finds_the_bundle_and_the_job(app_phone, runner, tiny_bundle, tiny_outputs):
    kept = f"cp -r $documents/{FOLDER}/$run $stubs/kept"
    app_phone.app_answers(RESULT, tiny_outputs, change=kept)
    measure(runner, tiny_bundle)
    kept = app_phone.device.stubs / "kept"
    assert files_of(kept / "bundle") == files_of(tiny_bundle)
    assert '"runtime":"ONNX Runtime","threads":2' in (kept / "job.json").read_text()
    (start,) = [line for line in app_phone.asked() if line.startswith("am start")]
    assert start.startswith(f"am start -S -W -n {APP_ID}/.BenchmarkActivity --es rapsam-benchmark ")
    assert app_phone.asked()[-1] == f"am force-stop {APP_ID}"


def test_a_bundle_is_pushed_once_for_all_variants(app_phone, runner, tiny_bundle, tiny_outputs):
    app_phone.app_answers(RESULT, tiny_outputs)
    log = Lines()
    first, second = measure(runner, tiny_bundle, tiny_bundle, log=log)
    assert (first.status, second.status) == ("done", "done")
    pushed = [line.split()[2] for line in log if "pushing" in line]
    assert len(pushed) - pushed.count("job.json") == len({*pushed} - {"job.json"})
    assert pushed.count("job.json") == 2


def test_a_wrong_answer_is_a_failed_run_that_keeps_its_times(app_phone, runner, tiny_bundle, tiny_outputs):
    name = output_file(0, 0, 0)
    zeros = f"size=$(stat -c %s $out/{name}); head -c $size /dev/zero > $out/{name}"
    app_phone.app_answers(RESULT, tiny_outputs, change=zeros)
    (record,) = measure(runner, tiny_bundle)
    assert record.status == "failed"
    assert record.error.startswith("wrong on this device: see.seen on scene: ")
    assert record.stages


def test_the_times_of_an_emulator_are_not_told(app_phone, runner, tiny_bundle, tiny_outputs, tmp_path):
    app_phone.app_answers(RESULT, tiny_outputs)
    with (app_phone.device.stubs / "getprop").open("a") as properties:
        properties.write("[ro.boot.qemu]: [1]\n")
    (record,) = measure(runner, tiny_bundle)
    assert (record.status, record.provenance, record.fidelity.status) == ("done", "emulated", "passed")
    assert (record.stages, record.memory, record.graphs[0].load_ms) == ((), None, None)
    assert any("the device is an emulator" in note for note in record.notes)
    write_latency_records(tmp_path / "a.jsonl", [record])
    assert read_latency_records(tmp_path / "a.jsonl") == (record,)


def test_variants_are_what_the_app_can_be_asked_for(app_phone, runner, tiny_bundle):
    assert runner.unavailable(app_phone.device.serial) is None
    assert runner.variants(Wanted((tiny_bundle,)), None) == (Variant(tiny_bundle, CPU, 2),)
    found = runner.variants(Wanted((tiny_bundle,), all_units=True), None)
    assert [(one.runtime, one.threads) for one in found] == [
        *((CPU, 1), (CPU, 2), (f"{CPU}, XNNPACK", 1), (f"{CPU}, XNNPACK", 2), (f"{CPU}, NNAPI", None)),
    ]
    for wanted, error, says in (
        (Wanted((tiny_bundle / "see.onnx",)), InputError, "is a bare file; expected a bundle"),
        (
            Wanted((tiny_bundle,), threads=3),
            InputError,
            "--threads 3; expected 1 to 2, the processors of 127",
        ),
        (Wanted((tiny_bundle,), runtime="LiteRT"), InputError, "unknown runtime 'LiteRT'"),
    ):
        with pytest.raises(error, match=says):
            runner.variants(wanted, None)


@pytest.mark.usefixtures("app_phone")
def test_bundles_of_other_targets_are_refused(runner, tiny_bundle, monkeypatch):
    monkeypatch.setattr("rapsam.benchmarks.runners.adb_app.runner.RUNTIMES", {"tflite": ("TensorFlow Lite",)})
    with pytest.raises(UnavailableError, match="is of the target onnx, which the sample app does not run"):
        runner.variants(Wanted((tiny_bundle,)), None)
