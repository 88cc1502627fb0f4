"""Guests are processes of this machine's Python here: what is tested is all but the emulator."""

from __future__ import annotations

import shutil
import sys

import msgspec
import pytest

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.record_file import read_latency_records, write_latency_records
from rapsam.benchmarks.latency.verdict import fastest_correct
from rapsam.benchmarks.runners import find_runner
from rapsam.benchmarks.runners.base import Variant, Wanted
from rapsam.benchmarks.runners.qemu_arm64.environment import cannot_run
from rapsam.benchmarks.runners.qemu_arm64.guest import SCRIPT, QemuCommand
from rapsam.benchmarks.runners.qemu_arm64.runner import CPUS, RUNTIMES, QemuArm64Runner
from rapsam.errors import BundleError, InputError, UnavailableError

DESCRIBES = """
import json, pathlib, sys, time, os, signal
job = json.loads(sys.argv[1])
scratch = pathlib.Path(job["scratch"])
tensors = {
    "see": ([["picture", [1, 3, 32, 64]]], [["seen", [1, 3, 8, 16]]]),
    "find": ([["seen", [1, 3, 8, 16]]], [["classes", [1, 5, 41]], ["masks", [1, 5, 8, 16]]]),
    "answer": ([["seen", [1, 3, 8, 16]], ["corners", [1, 2, 4]]],
               [["answered", [1, 2, 8, 16]], ["quality", [1, 2]]]),
}[pathlib.Path(job["path"]).stem]
about = {"inputs": tensors[0], "outputs": tensors[1], "units": None, "versions": {}, "machine": "odd"}
(scratch / "described.json").write_text(json.dumps(about))
print('{}', flush=True)
"""
PROGRAMS = {
    "crashes at once": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "says nonsense": "print('qemu: uncaught target signal 11')",
    "says no more than that it is ready": "print('{}', flush=True); input()",
    "hangs": "import time; time.sleep(60)",
    "crashes in a run": f"{DESCRIBES}\ninput(); os.kill(os.getpid(), signal.SIGBUS)",
    "hangs in a run": f"{DESCRIBES}\ntime.sleep(60)",
    "leaves no outputs": f"{DESCRIBES}\nfor line in sys.stdin: print('{{}}', flush=True)",
    "leaves too few": f"""{DESCRIBES}
for line in sys.stdin:
    (scratch / "outputs.bin").write_bytes(bytes(8))
    print('{{}}', flush=True)""",
    "leaves too many": f"""{DESCRIBES}
for line in sys.stdin:
    (scratch / "outputs.bin").write_bytes(bytes(1 << 20))
    print('{{}}', flush=True)""",
}


def quiet(_line: str) -> None:
    pass


def same_machine(_cpu):
    return lambda job: [sys.executable, str(SCRIPT), msgspec.json.encode(job).decode()]


def program(text):
    return lambda _cpu: lambda job: [sys.executable, "-c", text, msgspec.json.encode(job).decode()]


def measure(runner, *paths, device=None):
    variants = [Variant(path, "ONNX Runtime", None) for path in paths]
    return runner.measure(variants, Timing(sustained_s=10.0), device, "rapsam bench x", quiet)


@pytest.fixture(scope="module")
def records(tiny_bundle, wrong_bundle):
    return measure(QemuArm64Runner(60.0, same_machine), tiny_bundle, wrong_bundle, device="cortex-a53")


def test_a_right_bundle_is_done_and_a_wrong_one_failed(records):
    right, wrong = records
    assert (right.status, right.error, right.fidelity.status) == ("done", None, "passed")
    assert (right.fidelity.cases, len(right.fidelity.rows)) == (1, 5)
    assert wrong.status == "failed"
    assert wrong.error.startswith("wrong on this device: see.seen on scene: ")


def test_the_record_has_no_times_and_says_why(records, tmp_path):
    for record in records:
        assert (record.runner, record.provenance) == ("qemu-arm64", "emulated")
        assert (record.stages, record.sustained, record.memory, record.validity) == ((), None, None, None)
        for graph in record.graphs:
            assert graph.reported == ("CPUExecutionProvider",)
            assert {graph.load_ms, graph.first_ms, graph.average_warmup_ms, graph.warmup_iters} == {None}
        assert "no time is told" in record.notes[0]
    write_latency_records(tmp_path / "a.jsonl", records)
    assert read_latency_records(tmp_path / "a.jsonl") == records
    assert fastest_correct(records) is None


def test_the_record_says_what_was_imitated_and_what_ran(records):
    right, _ = records
    assert right.device.soc == "cortex-a53, emulated"
    assert right.device.cores is right.device.ram_mb is right.device.load_average is None
    assert right.runtime.version == right.runtime.versions["onnxruntime"]
    assert {"numpy", "python"} < right.runtime.versions.keys()
    assert (right.compute.threads, right.compute.cpus) == (None, None)
    assert (right.conditions.order, right.conditions.input) == (
        "one after another",
        "the cases of the self-test",
    )


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("crashes at once", "was ended by SIGSEGV"),
        ("says nonsense", "which is no answer"),
        ("says no more than that it is ready", "does not say what it has loaded"),
        ("hangs", "hung: no answer in 2 s"),
        ("crashes in a run", "graph 'see': its process was ended by SIGBUS"),
        ("hangs in a run", "graph 'see': its process hung: no answer in 2 s"),
        ("leaves no outputs", "left no outputs"),
        ("leaves too few", "returned 2 values; expected 384"),
        ("leaves too many", "left no outputs"),
    ],
)
def test_whatever_a_guest_does_is_a_failed_record(tiny_bundle, tmp_path, what, says):
    (record,) = measure(QemuArm64Runner(2.0, program(PROGRAMS[what])), tiny_bundle)
    assert record.status == "failed"
    assert says in record.error
    assert "/rapsam-" not in record.error  # the name of no private copy
    write_latency_records(tmp_path / "a.jsonl", [record])
    assert read_latency_records(tmp_path / "a.jsonl") == (record,)


def test_a_guest_that_crashed_is_no_wrong_answer(tiny_bundle):
    (record,) = measure(QemuArm64Runner(2.0, program(PROGRAMS["crashes in a run"])), tiny_bundle)
    assert record.fidelity is None


def test_a_guest_with_another_graph_is_refused(tiny_bundle):
    other = DESCRIBES.replace("[1, 3, 8, 16]", "[1, 3, 8, 8]")
    (record,) = measure(QemuArm64Runner(2.0, program(other)), tiny_bundle)
    assert "its contract declares" in record.error


def test_an_emulator_that_cannot_be_started_is_a_failed_record(tiny_bundle):
    (record,) = measure(QemuArm64Runner(2.0, lambda _cpu: lambda _job: ["/nowhere/qemu"]), tiny_bundle)
    assert record.error == "a guest cannot be started: No such file or directory"


def test_a_bundle_that_has_changed_since_is_a_failed_record(tmp_path, tiny_bundle):
    copy = shutil.copytree(tiny_bundle, tmp_path / "copy")
    (copy / "see.onnx").write_bytes(b"x")
    (record,) = measure(QemuArm64Runner(2.0, program("")), copy)
    assert (record.status, record.graphs) == ("failed", ())
    assert "see.onnx" in record.error


def test_a_bundle_has_one_way_to_run(tiny_bundle):
    runner = QemuArm64Runner()
    for all_units in (False, True):
        wanted = Wanted((tiny_bundle,), all_units=all_units)
        assert runner.variants(wanted, None) == (Variant(tiny_bundle, "ONNX Runtime", None),)


def test_what_makes_no_sense_is_refused(tiny_bundle, tmp_path):
    for wanted, error, says in (
        (Wanted((tiny_bundle / "see.onnx",)), InputError, "is a bare file, which has nothing to be compared"),
        (Wanted((tiny_bundle,), threads=2), InputError, "--threads 2; expected none"),
        (Wanted((tiny_bundle,), runtime="LiteRT"), InputError, "unknown runtime 'LiteRT'"),
        (Wanted((tmp_path,)), BundleError, "manifest"),
    ):
        with pytest.raises(error, match=says):
            QemuArm64Runner().variants(wanted, None)


def test_a_target_without_an_arm64_runtime_for_linux_is_refused(tiny_bundle, monkeypatch):
    monkeypatch.delitem(RUNTIMES, "onnx")
    with pytest.raises(
        UnavailableError, match=r"is of the target onnx, .* expected one of tflite, executorch"
    ):
        QemuArm64Runner().variants(Wanted((tiny_bundle,)), None)


def test_processors_are_devices(monkeypatch, tmp_path):
    runner, device = find_runner("qemu-arm64:pentium")
    assert runner.unavailable(device) == (
        f"'pentium' is not a processor that is known here; expected {', '.join(CPUS)}"
    )
    monkeypatch.setenv("RAPSAM_ARM64_ENV", str(tmp_path))
    assert runner.unavailable("cortex-a53") == cannot_run() is not None


@pytest.mark.proof
def test_a_bundle_passes_its_self_test_in_arm64_programs(tiny_bundle):
    if reason := cannot_run():
        pytest.skip(reason)
    for cpu in CPUS:
        (record,) = measure(QemuArm64Runner(300.0, QemuCommand), tiny_bundle, device=cpu)
        assert (record.status, record.error) == ("done", None)
        assert record.device.os == "Linux aarch64, emulated"
        assert record.runtime.versions["qemu"].startswith("10.")
