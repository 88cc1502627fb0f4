"""The whole way: `rapsam bench`, a real adbd, and the app's own Kotlin and libraries, on what adb brought."""

from __future__ import annotations

import re
import shlex

import pytest

from apps.android.toolchain.build import TARGETS
from apps.android.toolchain.jvm import APP, PATH_PROGRAM
from apps.android.toolchain.native import missing_compilers
from rapsam.benchmarks.latency.record_file import read_latency_records
from rapsam.benchmarks.runners.adb_app.app import ACTIVITY, DOCUMENTS, EXTRA, RUNTIMES
from rapsam.benchmarks.runners.app_contract import APP_ID
from rapsam.export.backends.executorch import backend as executorch
from rapsam.export.backends.onnx import backend as onnx
from rapsam.export.backends.tflite import backend as tflite
from tests.apps.converted_bundle import write_converted_bundle
from tests.cli.cli_runs import assert_refused, rapsam

QUICK = ("--iters", 2, "--min-seconds", 0, "--threads", 1)


@pytest.fixture
def kotlin_phone(app_phone, android_app):
    """A phone whose app is that one; it ends when its run does, which Android's does not."""
    command = shlex.join(android_app.command(PATH_PROGRAM, "bench"))
    app_phone.app_is(f'{command} "$documents" "$run"', {"LD_LIBRARY_PATH": str(android_app.folder)})
    return app_phone


def measured(bundle, tmp_path, *options):
    out = tmp_path / "bench.jsonl"
    outcome = rapsam("bench", bundle, "--on", "adb-app", *QUICK, *options, "--out", out)
    return outcome, read_latency_records(out)


@pytest.fixture(scope="module")
def tflite_bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("converted") / "tflite-fp32"
    write_converted_bundle(folder, "tflite-fp32")
    return folder


@pytest.mark.slow
def test_an_onnx_bundle_is_measured_and_judged(kotlin_phone, tiny_bundle, tmp_path):
    outcome, (record,) = measured(tiny_bundle, tmp_path)
    assert outcome.code == 0, outcome.err
    assert "self-test passed: 1 cases" in outcome.out
    assert (record.status, record.provenance, record.fidelity.status) == ("done", "measured", "passed")
    assert (record.runner, record.compute.requested, record.compute.threads) == ("adb-app", "ONNX Runtime", 1)
    assert (record.app.build_type, record.runtime.version) == ("debug", "1.29.0")
    assert [stage.name for stage in record.stages] == [
        *("preprocess", "graph see", "graph find", "graph answer", "postprocess panoptic"),
        *("end_to_end panoptic", "postprocess prompt", "click prompt", "end_to_end prompt"),
    ]
    assert all(graph.first_ms for graph in record.graphs)
    assert record.thermal
    assert kotlin_phone.left() == []


@pytest.mark.slow
def test_a_tflite_bundle_is_measured_and_judged(kotlin_phone, tflite_bundle, tmp_path):
    outcome, (record,) = measured(tflite_bundle, tmp_path, "--stages", "graph")
    assert outcome.code == 0, outcome.err
    assert (record.status, record.fidelity.status) == ("done", "passed")
    assert (record.compute.requested, record.runtime.version) == ("TensorFlow Lite", "2.14.0")
    assert kotlin_phone.left() == []


@pytest.mark.slow
def test_an_executorch_bundle_is_measured_and_judged(kotlin_phone, tmp_path):
    if missing := missing_compilers():
        pytest.skip(missing)
    write_converted_bundle(tmp_path / "executorch-fp32", "executorch-fp32")
    outcome, (record,) = measured(tmp_path / "executorch-fp32", tmp_path, "--stages", "graph")
    assert outcome.code == 0, outcome.err
    assert (record.status, record.fidelity.status) == ("done", "passed")
    assert (record.compute.requested, record.compute.threads) == ("ExecuTorch", 1)
    assert record.runtime.version is None
    assert kotlin_phone.left() == []


def test_a_wrong_bundle_fails_with_exit_code_1(kotlin_phone, wrong_bundle, tmp_path):
    outcome, (record,) = measured(wrong_bundle, tmp_path, "--stages", "graph")
    assert outcome.code == 1
    assert "\nFAILED onnx-wrong, ONNX Runtime 1.29.0, 1 thread: wrong on this device: see.seen" in outcome.err
    assert record.stages
    assert kotlin_phone.left() == []


def test_an_app_of_another_version_says_so(kotlin_phone, tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("rapsam.benchmarks.runners.app_requests.SCHEMA_VERSION", 2)
    outcome, (record,) = measured(tiny_bundle, tmp_path, "--stages", "graph")
    assert outcome.code == 1
    assert re.fullmatch(
        r'the app says: job.json is of run "(\w+)", schema 2; expected "\1", schema 1: install the app '
        "of this toolkit's version",
        record.error,
    )
    assert kotlin_phone.left() == []


def test_what_shows_before_anything_runs_has_exit_code_2(app_phone, tiny_bundle):
    app_phone.says("pm", "")
    refused = rapsam("bench", tiny_bundle, "--on", "adb-app")
    assert_refused(refused, "--on 'adb-app': the sample app org.rapsam.sample is not on 127.0.0.1")
    assert app_phone.asked() == []


def test_the_names_are_those_of_the_app():
    kotlin = APP / "app/src/main/kotlin/org/rapsam/sample/BenchmarkActivity.kt"
    package, name = ACTIVITY.split("/")
    assert f"package {package}\n" in kotlin.read_text()
    assert f"class {name.removeprefix('.')} : " in kotlin.read_text()
    assert f'"{EXTRA}"' in kotlin.read_text()
    assert f'android:name="{name}"' in (APP / "app/src/main/AndroidManifest.xml").read_text()
    assert f'applicationId = "{APP_ID}"' in (APP / "app/build.gradle.kts").read_text()
    assert f"/{package}/" in DOCUMENTS


def test_the_runtimes_are_those_of_the_engines_of_the_app():
    assert tuple(RUNTIMES) == TARGETS
    found = {}
    for folder in APP.glob("engine-*"):
        (source,) = folder.rglob("*Engine.kt")
        kotlin = source.read_text()
        (name,) = re.findall(r'const val NAME = "(.*)"', kotlin)
        units = re.findall(r'^    "\$NAME, (\w+)" to', kotlin, re.MULTILINE)
        found[folder.name.removeprefix("engine-")] = (name, *(f"{name}, {unit}" for unit in units))
    assert found == RUNTIMES


def test_engines_of_the_app_are_named_as_bundles_name_them():
    needed = {
        "onnx": set(onnx.MINIMUM_RUNTIMES.values()),
        "tflite": {tflite.MINIMUM_RUNTIME},
        "executorch": {executorch.MINIMUM_RUNTIME},
    }
    assert tuple(needed) == TARGETS
    for target, runtimes in needed.items():
        (source,) = (APP / f"engine-{target}").rglob("*Engine.kt")
        names = re.findall(r'const val MANIFEST_NAME = "(.*)"', source.read_text())
        assert {runtime.split()[0] for runtime in runtimes} == set(names)
