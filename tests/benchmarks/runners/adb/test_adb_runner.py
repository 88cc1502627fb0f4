"""The whole way over a real adbd: what is measured, and what becomes of a run when something breaks."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.record_file import read_latency_records, write_latency_records
from rapsam.benchmarks.latency.verdict import fastest_correct
from rapsam.benchmarks.runners.adb.program import android_program
from rapsam.benchmarks.runners.adb.runner import AdbRunner
from rapsam.benchmarks.runners.android.device import AdbDevice
from rapsam.benchmarks.runners.android.tool import AdbTool
from rapsam.benchmarks.runners.base import Variant, Wanted
from rapsam.errors import BundleError, InputError, UnavailableError
from tests.adbd import STUBS
from tests.benchmarks.runners.adb.native import linux_compiler
from tests.benchmarks.runners.android.patience import PATIENCE, WATCH

QUICK = Timing(iters=4, min_seconds=0.0, rounds=2, pause_s=0.0, warmup_max_s=0.1)
CPU = "ONNX Runtime"


def measure(runner, *paths, timing=QUICK, progress=lambda _line: None, device=None):
    variants = [Variant(path, CPU, 1) for path in paths]
    return runner.measure(variants, timing, device, "rapsam bench x --on adb", progress)


def left(phone):
    return phone.shell("ls /data/local/tmp").split()


def test_right_and_wrong_bundles_take_turns_on_the_device(runner, phone, tiny_bundle, wrong_bundle, tmp_path):
    (phone.stubs / "dumpsys-thermalservice").write_text("Thermal Status: 2\n")
    timing = Timing(iters=4, min_seconds=0.0, rounds=2, pause_s=0.0, warmup_max_s=0.1, sustained_s=0.3)
    right, wrong = records = measure(runner, tiny_bundle, wrong_bundle, timing=timing)
    assert (right.status, right.error, right.fidelity.status) == ("done", None, "passed")
    assert wrong.error.startswith("wrong on this device: see.seen on scene: ")
    assert fastest_correct(records).record == right
    assert fastest_correct(records).stage.name == "pipeline panoptic"
    assert [stage.name for stage in right.stages if stage.mode == "burst"] == [
        *("graph see", "graph find", "graph answer", "pipeline panoptic", "pipeline prompt"),
    ]
    assert [stage.name for stage in right.stages if stage.mode == "sustained"] == ["pipeline panoptic"]
    assert right.sustained[-1].t_s >= 0.3
    assert (right.runner, right.provenance, right.device.id) == ("adb", "measured", phone.serial)
    assert (right.device.model, right.device.soc, right.device.cores) == (
        "google Pixel 8",
        "Google Tensor G3",
        2,
    )
    assert right.runtime.version == right.runtime.versions["onnxruntime"]
    assert right.compute.reported == ("CPUExecutionProvider",)
    assert right.memory.peak_mb >= right.memory.baseline_mb > 0
    assert {charge.percent for charge in right.battery} == {81.0}
    assert {one.sensor for one in right.thermal} == {"battery"}
    notes = " ".join(right.notes)
    assert "measured in a process of adb's shell: Android schedules it otherwise" in notes
    assert "thermal status moderate before the run, still after" in notes
    assert "thermal status moderate was reached during the run" in notes
    assert left(phone) == []
    write_latency_records(tmp_path / "a.jsonl", records)
    assert read_latency_records(tmp_path / "a.jsonl") == records


def test_a_variant_that_finds_no_memory_beside_others_runs_by_itself(
    program, phone, tiny_bundle, wrong_bundle, tmp_path
):
    shutil.copy(program.library, phone.stubs / "real.so")
    killing = tmp_path / "killing.so"
    source = Path(__file__).with_name("killing_ort.c")
    words = ("-shared", "-fPIC", "-Wall", "-Werror", f'-DREAL="/{STUBS}/real.so"', "-o", killing, source)
    subprocess.run([linux_compiler(), *words], check=True)
    runner = AdbRunner(lambda _abis: program._replace(library=killing), PATIENCE, WATCH)
    alone, beside = measure(runner, tiny_bundle, wrong_bundle)
    assert (alone.status, alone.error, alone.fidelity.status) == ("done", None, "passed")
    assert any("it ran by itself" in note for note in alone.notes)
    assert not any("it ran by itself" in note for note in beside.notes)


def test_a_bare_file_and_a_damaged_one(runner, phone, tiny_bundle, tmp_path):
    damaged = tmp_path / "damaged.onnx"
    shutil.copy(tiny_bundle / "see.onnx", damaged)
    variants = runner.variants(Wanted((tiny_bundle / "see.onnx", damaged), threads=1), None)
    damaged.write_bytes(b"no graph")
    file, broken = runner.measure(variants, QUICK, phone.serial, "rapsam bench", lambda _line: None)
    assert (file.status, file.fidelity, file.model.kind) == ("done", None, "file")
    assert broken.status == "failed"
    assert "ONNX Runtime refuses" in broken.error


@pytest.mark.usefixtures("phone")
def test_units_are_those_that_the_library_has(runner, tiny_bundle):
    found = runner.variants(Wanted((tiny_bundle,), all_units=True), None)
    assert [(variant.runtime, variant.threads) for variant in found] == [(CPU, 1), (CPU, 2)]
    with pytest.raises(InputError, match="unknown runtime 'ONNX Runtime, NNAPI'"):
        runner.variants(Wanted((tiny_bundle,), runtime="ONNX Runtime, NNAPI"), None)
    with pytest.raises(InputError, match="--threads 3; expected 1 to 2, the processors of 127"):
        runner.variants(Wanted((tiny_bundle,), threads=3), None)


def test_what_cannot_run_there_is_refused_before_anything_is_pushed(runner, phone, tiny_bundle, tmp_path):
    copy = shutil.copytree(tiny_bundle, tmp_path / "copy")
    (copy / "see.onnx").write_bytes(b"x")
    (tmp_path / "a.tflite").write_bytes(b"x")
    for path, error, says in (
        (copy, BundleError, "see.onnx"),
        (tmp_path / "none", InputError, "does not exist"),
        (tmp_path / "a.tflite", UnavailableError, "over adb only ONNX Runtime runs so far"),
    ):
        with pytest.raises(error, match=says):
            runner.variants(Wanted((path,)), None)
    assert left(phone) == []


def test_the_times_of_an_emulator_are_not_told(runner, phone, tiny_bundle, tmp_path):
    with (phone.stubs / "getprop").open("a") as properties:
        properties.write("[ro.boot.qemu]: [1]\n")
    (record,) = measure(runner, tiny_bundle)
    assert (record.status, record.provenance, record.fidelity.status) == ("done", "emulated", "passed")
    assert (record.stages, record.memory, record.graphs[0].load_ms) == ((), None, None)
    assert "the device is an emulator" in record.notes[-1]
    write_latency_records(tmp_path / "a.jsonl", [record])
    assert read_latency_records(tmp_path / "a.jsonl") == (record,)


@pytest.mark.usefixtures("phone")
def test_an_unknown_stage_is_a_record(runner, tiny_bundle):
    (record,) = measure(runner, tiny_bundle, timing=Timing(stages=("preprocess",)))
    assert record.status == "failed"
    assert "unknown stage of onnx-tiny 'preprocess'" in record.error


def test_a_device_of_a_wrong_binary_interface(phone, tiny_bundle):
    (phone.stubs / "getprop").write_text("[ro.product.cpu.abilist]: [riscv64,x]\n")
    runner = AdbRunner(android_program, PATIENCE, WATCH)
    with pytest.raises(UnavailableError, match=r"runs 'riscv64', 'x'; expected arm64-v8a or x86_64"):
        runner.variants(Wanted((tiny_bundle,), all_units=True), None)
    (record,) = measure(runner, tiny_bundle)
    assert record.error.startswith("the device runs 'riscv64', 'x'")


def test_a_program_of_another_machine_does_not_start(phone, program, tiny_bundle, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(
        b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x03\0\xb7\0" + b"\0" * 100
    )  # of arm64, and empty
    (record,) = measure(scripted(program._replace(executable=other)), tiny_bundle)
    assert record.error.startswith(f"the program does not work on {phone.serial}: ")
    assert left(phone) == []


def scripted(program, watch=WATCH):
    return AdbRunner(lambda _abis: program, PATIENCE, watch)


@pytest.fixture
def script(program, tmp_path):
    """Puts a script in the place of the program; in the background it does what it is told."""

    def make(background: str):
        path = tmp_path / "script"
        path.write_text(
            "#!/bin/sh\ncase $1 in\nabout) echo 1.0; echo CPUExecutionProvider;;\n"
            "run) setsid $0 background >/dev/null 2>&1 </dev/null & echo $! > pid;;\n"
            f"background) {background};;\nesac\n"
        )
        return program._replace(executable=path, library=path)

    return make


RESULT = '{"baseline_kb":1,"peak_kb":1,"graphs":[],"stages":[],"sustained":[],"windows":[]}'


@pytest.mark.parametrize(
    ("background", "says"),
    [
        ("echo 1 x > state; sleep 60", "the run hangs: nothing new in 0.5 s, at last: x"),
        (
            "echo Segmentation fault > said",
            "gone: it crashed, was ended for memory, or the device was restarted",
        ),
        ("echo boom > said; exit 3", "its last words: boom"),
        ("echo '[null' > ended", r"the device answered '[null\n', which tells no end of a run"),
        ("echo '[null,null]' > ended", "tells no end of a run"),
        ("printf '[\"\\33[31m\"]' > ended", "which tells no end of a run"),
        ("echo '[\"no luck\"]' > ended", "no luck"),
        ("echo '[null]' > ended", "left no result"),
        ("echo '{' > v0.json; echo '[null]' > ended", r"answered '{\n', which is no result"),
        (
            f"echo '{RESULT}' > v0.json; echo '[null]' > ended",
            "answered for 0 graphs and 0 stages, not for all",
        ),
        (
            "head -c 70000000 /dev/zero > v0.json; echo '[null]' > ended",
            "it said more than 67,108,896 bytes",
        ),
        ("yes > state & sleep 1; kill $!; sleep 60", "it said more than 131,104 bytes"),
    ],
)
def test_whatever_the_program_does_is_its_record(phone, tiny_bundle, script, tmp_path, background, says):
    timing = Timing(iters=1, min_seconds=0.0, max_seconds=0.0, rounds=1)
    runner = scripted(script(background), WATCH._replace(hang_s=0.5 if "hangs" in says else 30.0))
    (record,) = measure(runner, tiny_bundle / "see.onnx", timing=timing)
    assert record.status == "failed"
    assert says in record.error
    assert (record.stages, record.fidelity, record.memory) == ((), None, None)
    assert record.device.model == "google Pixel 8"
    write_latency_records(tmp_path / "a.jsonl", [record])
    assert read_latency_records(tmp_path / "a.jsonl") == (record,)
    assert left(phone) == []
    assert "background" not in phone.shell("ps -A -o ARGS")


def test_a_full_disk_is_told_before_and_while_it_fills(runner, phone, tiny_bundle):
    def fill(line: str) -> None:
        if "pushing libonnxruntime.so" in line:
            phone.fill_disk(4096)

    (record,) = measure(runner, tiny_bundle, progress=fill)
    assert "No space left on device; free some space on it" in record.error
    (record,) = measure(runner, tiny_bundle)
    assert record.error.startswith(f"{phone.serial} is full: 4 MiB are free in /data/local/tmp, and ")


class Unplugs:
    """Takes the cable away when the progress first says something, for a while or for good."""

    def __init__(self, phone, words: str, for_s: float | None) -> None:
        self._phone = phone
        self._words = words
        self._for_s = for_s
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        first = not any(self._words in before for before in self.lines)
        self.lines.append(line)
        if first and self._words in line:
            self._phone.pull_out()
            if self._for_s is not None:
                threading.Timer(self._for_s, self._phone.plug_in).start()


@pytest.mark.parametrize("words", ["pushing libonnxruntime.so", "variant 0: burst", "reading results"])
def test_a_run_goes_on_when_the_cable_is_back(runner, phone, tiny_bundle, words):
    unplugs = Unplugs(phone, words, 0.3)
    stages = ("pipeline:panoptic",)
    timing = Timing(iters=4, min_seconds=1.0, rounds=5, pause_s=0.0, warmup_max_s=0.1, stages=stages)
    (record,) = measure(runner, tiny_bundle, timing=timing, progress=unplugs)
    assert (record.status, record.error) == ("done", None)
    assert record.fidelity.status == "passed"
    assert any("is lost" in line for line in unplugs.lines)
    assert f"{phone.serial} is back" in unplugs.lines
    assert any(
        re.fullmatch(r"the connection was lost \d times? in this command; what ran .* went on", one)
        for one in record.notes
    )
    assert left(phone) == []


@pytest.mark.parametrize("lose", ["pull_out", "kill_server"])
def test_half_an_answer_is_none(phone, lose):
    def lose_it() -> None:
        if lose == "kill_server":
            phone.call("kill-server")
        else:
            phone.pull_out()
            phone.plug_in()

    device = AdbDevice(AdbTool(str(phone.adb)), phone.serial, PATIENCE, lambda _line: None)
    threading.Timer(0.5, lose_it).start()
    slow_once = "[ -e /data/local/tmp/b ] || { touch /data/local/tmp/b; sleep 2; }"
    done = device.shell(f"echo a; {slow_once}; echo c; exit 3")
    assert (done.code, done.output) == (3, b"a\nc\n")
    assert device.losses >= 1


def test_what_is_there_whole_is_not_pushed_again_after_a_lost_cable(program, phone, tiny_bundle):
    impatient = AdbRunner(lambda _abis: program, PATIENCE._replace(reconnect_s=0.3), WATCH)
    (lost,) = measure(impatient, tiny_bundle, progress=Unplugs(phone, "pushing w0.g1.onnx", None))
    assert lost.status == "failed"
    assert f"{phone.serial} was lost" in lost.error
    assert "is not back after 0.3 s; connect it, and run the same command" in lost.error
    assert len(left(phone)) == 2  # program and library; graphs and inputs
    phone.plug_in()
    phone.wait()
    lines: list[str] = []
    (record,) = measure(scripted(program), tiny_bundle, progress=lines.append, device=phone.serial)
    assert record.error is None
    pushed = [line.split()[2] for line in lines if "pushing" in line]
    assert {"w0.g1.onnx", "w0.g2.onnx"} <= set(pushed)
    assert not {"libonnxruntime.so", "rapsam-bench", "w0.g0.onnx"} & set(pushed)


def test_a_server_that_is_killed_starts_again(runner, phone, tiny_bundle):
    lines: list[str] = []

    def kill_once(line: str) -> None:
        if "burst" in line and not any("burst" in before for before in lines):
            phone.call("kill-server")
        lines.append(line)

    (record,) = measure(runner, tiny_bundle, progress=kill_once, device=phone.serial)
    assert (record.status, record.error) == ("done", None)


def test_two_devices_are_told_apart(runner, phone, tiny_bundle):
    phone.call("connect", phone.serial.replace("127.0.0.1", "localhost"))
    reason = runner.unavailable(None)
    assert reason.startswith("2 devices: ")
    assert phone.serial in reason
    assert runner.unavailable(phone.serial) is None
    assert runner.unavailable("emulator-1").startswith("no device 'emulator-1'; connected: ")
    (record,) = measure(runner, tiny_bundle)
    assert record.error.startswith("2 devices: ")
    assert (record.device.platform, record.device.id, record.device.model) == ("android", None, None)


def test_a_run_that_is_given_up_leaves_nothing_on_the_device(runner, phone, tiny_bundle):
    def give_up(line: str) -> None:
        if "burst" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(runner, tiny_bundle, timing=Timing(), progress=give_up)
    end = time.monotonic() + 20
    while "rapsam-bench" in phone.shell("ps -A -o ARGS"):  # the signal has been sent
        assert time.monotonic() < end
        time.sleep(0.05)
    assert left(phone) == []
