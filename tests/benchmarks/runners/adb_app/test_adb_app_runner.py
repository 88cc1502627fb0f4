"""Over a real adbd to an app that is a few lines: what is recorded, and what becomes of a failed run."""

from __future__ import annotations

import re
import threading

import pytest

from rapsam.benchmarks.latency.record_file import read_latency_records, write_latency_records
from rapsam.benchmarks.runners.adb_app.app import DOCUMENTS
from rapsam.benchmarks.runners.adb_app.runner import AdbAppRunner
from rapsam.benchmarks.runners.app_contract import APP_ID, DONE, FOLDER, output_file
from rapsam.benchmarks.runners.base import Variant, Wanted
from rapsam.errors import InputError, UnavailableError
from tests.benchmarks.runners.adb_app.app_phone import LOCKED, POLICY, STARTED, STARTING
from tests.benchmarks.runners.android.patience import PATIENCE, WATCH
from tests.benchmarks.runners.app_result import GRAPHS, QUICK, RESULT

CPU = "ONNX Runtime"


class Lines(list):
    """What was said, and what is done when something is said for the first time."""

    def __init__(self, words: str = "", then=lambda: None) -> None:
        super().__init__()
        self._words, self._then = words, then

    def __call__(self, line: str, **_stays: bool) -> None:
        is_first = bool(self._words) and self._words in line and not any(self._words in one for one in self)
        self.append(line)
        if is_first:
            self._then()


def measure(runner, *bundles, timing=QUICK, log=None, device=None):
    variants = [Variant(bundle, CPU, 2) for bundle in bundles]
    return runner.measure(
        variants, timing, device, "rapsam bench x --on adb-app", Lines() if log is None else log
    )


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


EXITS = """\
ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)
  package: org.rapsam.sample
    Historical Process Exit for uid=10336
        ApplicationExitInfo #0:
          timestamp=2026-11-28 06:03:48.426 pid=PID realUid=10336 packageUid=10336 definingUid=10336 user=0
          process=org.rapsam.sample reason=4 (APP CRASH(EXCEPTION)) subreason=0 (UNKNOWN) status=0
          importance=100 pss=0.00 rss=131MB description=crash state=empty trace=null
        ApplicationExitInfo #1:
          timestamp=2026-11-27 06:03:48.426 pid=1 realUid=10336 packageUid=10336 definingUid=10336 user=0
          process=org.rapsam.sample reason=3 (LOW_MEMORY) subreason=0 (UNKNOWN) status=0
"""
CRASH = """\
FATAL EXCEPTION: pool-2-thread-1
Process: org.rapsam.sample, PID: 4321
java.lang.IllegalStateException: no such luck
\tat org.rapsam.core.bench.Benchmark.run(Benchmark.kt:52)
Caused by: java.io.IOException: deep inside
\t... 8 more
"""
DIES = "sed s/PID/$$/ $stubs/exits.in > $stubs/exits; cp $stubs/log.in $stubs/log; touch $stubs/dead; exit 1"


def failed(runner, app_phone, bundle, tmp_path, log=None):
    (record,) = measure(runner, bundle, log=log)
    assert record.status == "failed"
    assert "\n" not in record.error
    assert (record.stages, record.fidelity) == ((), None)
    assert record.device.model == "google Pixel 8"
    write_latency_records(tmp_path / "a.jsonl", [record])
    assert read_latency_records(tmp_path / "a.jsonl") == (record,)
    assert app_phone.left() == []
    assert not app_phone.is_running()
    return record.error


def test_an_app_that_crashes(app_phone, runner, tiny_bundle, tmp_path):
    app_phone.says("exits.in", EXITS)
    app_phone.says("log.in", CRASH)
    # It dies at the third look: by then the number of its process is known.
    app_phone.says("looks", "")
    app_phone.has_program(
        "pidof",
        'found=$(/usr/bin/pidof "$@") || exit 1; echo $found; echo x >> /stubs/looks; '
        "[ $(wc -l < /stubs/looks) -lt 3 ] || touch /stubs/seen; "
        "[ ! -e /stubs/seen ] || while [ ! -e /stubs/dead ]; do sleep 0.05; done",
    )
    app_phone.app_does(f"while [ ! -e $stubs/seen ]; do sleep 0.05; done; {DIES}")
    assert failed(runner, app_phone, tiny_bundle, tmp_path) == (
        "the app ended without a result (APP CRASH(EXCEPTION)); its last words: "
        "java.lang.IllegalStateException: no such luck"
    )


@pytest.mark.parametrize(
    ("am", "says"),
    [
        (
            f"{STARTING}Error type 3\nError: Activity class {{{APP_ID}/.X}} does not exist.\n",
            "cannot be asked (Error: Activity class {org.rapsam.sample/.X} does not exist.); build it with",
        ),
        (
            f"{STARTING}Security exception: Permission Denial: starting Intent {{ ... }} from null "
            "(pid=9, uid=2000) requires android.permission.DUMP\n\n\tat android.os.Parcel.a(Parcel.java:3)\n",
            "does not start the sample app: Security exception: Permission Denial: starting Intent",
        ),
        (
            f"{STARTING}Exception occurred while executing 'start':\njava.lang.X: x\n\tat a.b(C:1)\n",
            "does not start the sample app: Exception occurred while executing 'start':",
        ),
        (
            "cmd: Can't find service: activity\n",
            "does not start the sample app: cmd: Can't find service: activity",
        ),
        ("", "does not start the sample app: am start says nothing"),
        ("\x1b[31mError: x\x07\n", r"does not start the sample app: \x1b[31mError: x\x07"),
    ],
)
def test_an_app_that_does_not_start(app_phone, runner, tiny_bundle, tmp_path, am, says):
    app_phone.says("am", am)
    assert says in failed(runner, app_phone, tiny_bundle, tmp_path)


def test_a_slow_start_is_one_that_goes_on(app_phone, runner, tiny_bundle, tiny_outputs):
    app_phone.app_answers(RESULT, tiny_outputs)
    app_phone.says("am", STARTED.replace("Status: ok", "Status: timeout"))
    (record,) = measure(runner, tiny_bundle)
    assert record.status == "done"


def test_an_app_that_hangs_is_ended(app_phone, tiny_bundle, tmp_path):
    app_phone.app_does("")
    app_phone.says("log", "the phone has not enough memory for that; close other apps\n")
    runner = AdbAppRunner(PATIENCE, WATCH._replace(hang_s=0.5))
    error = failed(runner, app_phone, tiny_bundle, tmp_path)
    assert error.startswith("the app did not finish in 0.5 s; its last words: the phone has not enough ")
    assert error.endswith("keep the phone unlocked and the app in front, or measure less")


def test_an_app_that_cannot_write_its_result(app_phone, runner, tiny_bundle, tmp_path):
    app_phone.says("log", "cannot write result.json (ENOSPC); free some space on the phone\n")
    app_phone.app_does(f"echo $run > $documents/{DONE}")
    assert failed(runner, app_phone, tiny_bundle, tmp_path) == (
        "the app left no result.json; its last words: cannot write result.json (ENOSPC); free some space "
        "on the phone"
    )


@pytest.mark.parametrize(
    ("result", "change", "says"),
    [
        ("hello", "", "that is not understood: JSON is malformed"),
        (RESULT | {"run_id": "x" * 32}, "", f"the app left the result of run '{'x' * 32}', schema 1"),
        (RESULT | {"schema_version": 2}, "", "install the app of this toolkit's version"),
        (
            RESULT | {"error": 'job.json is of run "RUN", schema 1; expected schema 2: install the app'},
            "",
            'the app says: job.json is of run "',
        ),
        (
            RESULT | {"stages": RESULT["stages"][:2]},
            "",
            "the app timed 2 stages, or others than the 3 wanted",
        ),
        (RESULT, "rm $out/case0.graph1.output0.bin", "the app left no output 'classes' of the right size"),
        (
            RESULT,
            "echo short > $out/case0.graph1.output0.bin",
            "the app left 6 bytes of output 'classes'; expected 820",
        ),
        (
            RESULT,
            "head -c 3000 /dev/zero > $out/case0.graph1.output0.bin",
            "the app left a case0.graph1.output0.bin that cannot be read: adb shell: it said more than",
        ),
        (
            RESULT,
            "rm $out/case0.graph1.output0.bin; mkfifo $out/case0.graph1.output0.bin",
            "the app left no output 'classes' of the right size",
        ),
        (
            RESULT,
            "ln -sf /dev/zero $out/case0.graph1.output0.bin",
            "the app left no output 'classes' of the right size",
        ),
        (
            RESULT,
            "head -c 70000000 /dev/zero > $out/result.json",
            "the app left a result.json that cannot be read: adb shell: it said more than 67,108,896 bytes",
        ),
    ],
)
def test_hostile_answers_are_failed_records(
    app_phone, runner, tiny_bundle, tiny_outputs, tmp_path, result, change, says
):
    app_phone.app_answers(result, tiny_outputs, change)
    assert says in failed(runner, app_phone, tiny_bundle, tmp_path)


def test_what_other_runs_left_is_neither_read_nor_kept(app_phone, runner, tiny_bundle, tmp_path):
    app_phone.device.shell(f"mkdir -p {DOCUMENTS}/{FOLDER}/old/out; echo old > {DOCUMENTS}/{DONE}")
    looks = f"ls $documents $documents/{FOLDER} > $stubs/found"
    app_phone.app_does(f"{looks}; echo other > $documents/{DONE}; exit 0")
    assert failed(runner, app_phone, tiny_bundle, tmp_path).startswith("the app ended without a result")
    found = (app_phone.device.stubs / "found").read_text()
    assert DONE not in found
    assert "old" not in found


def test_a_phone_that_keeps_computers_out(app_phone, runner, tiny_bundle, tmp_path):
    app_phone.has_program(
        "mkdir",
        'case "$*" in */sdcard/*) echo "mkdir: $2: Permission denied" >&2; exit 1;; esac\n'
        'exec /usr/bin/mkdir "$@"',
    )
    assert failed(runner, app_phone, tiny_bundle, tmp_path) == (
        f"{app_phone.device.serial} keeps computers out of {DOCUMENTS} (mkdir: {DOCUMENTS}/{FOLDER}: "
        "Permission denied); measure with --on adb, or on the screen of the app itself"
    )


def test_the_app_makes_its_folder_itself(app_phone, runner, tiny_bundle, tiny_outputs, tmp_path):
    app_phone.device.shell(f"rm -r {DOCUMENTS}")
    app_phone.app_answers(RESULT, tiny_outputs)
    answers = (app_phone.device.stubs / "app").read_text()
    app_phone.app_does(f'mkdir -p $documents; [ -n "$run" ] || exec sleep 1000\n{answers}')
    (record,) = measure(runner, tiny_bundle)
    assert record.status == "done"
    starts = [line for line in app_phone.asked() if line.startswith("am start")]
    assert len(starts) == 2
    assert not starts[0].endswith("rapsam-benchmark")
    app_phone.device.shell(f"rm -r {DOCUMENTS}")
    app_phone.app_does("")
    runner = AdbAppRunner(PATIENCE, WATCH._replace(folder_s=0.2))
    assert "and its folder did not appear); measure with --on adb" in failed(
        runner, app_phone, tiny_bundle, tmp_path
    )


def test_a_locked_phone_is_woken_and_waited_for(app_phone, runner, tiny_bundle, tiny_outputs, tmp_path):
    app_phone.app_answers(RESULT, tiny_outputs)
    app_phone.says("policy", LOCKED)
    serial = app_phone.device.serial
    unlock = f"{serial} is locked, or its screen is off; unlock it, and keep it so while it is measured"
    assert failed(runner, app_phone, tiny_bundle, tmp_path) == unlock
    assert runner.unavailable(None) == unlock
    assert app_phone.asked() == ["input keyevent KEYCODE_WAKEUP", "wm dismiss-keyguard"]
    runner = AdbAppRunner(PATIENCE, WATCH._replace(unlock_s=60.0))
    log = Lines(f"{serial} is locked: unlock it", lambda: app_phone.says("policy", POLICY))
    (record,) = measure(runner, tiny_bundle, log=log)
    assert record.status == "done"
    app_phone.says("dumpsys-power", "  mWakefulness=Dozing\n")
    app_phone.says("on-wake", "echo mWakefulness=Awake > /stubs/dumpsys-power")
    (record,) = measure(runner, tiny_bundle)
    assert record.status == "done"


@pytest.mark.parametrize(
    ("name", "text", "note"),
    [
        ("policy", LOCKED, "the screen was off or locked at the end: the figures may be those of an app in"),
        (
            "activities",
            "  mResumedActivity: ActivityRecord{d u0 com.other/.Home t1}\n",
            "another app was in front",
        ),
        ("activities", "", "the phone does not say whether the app was in front"),
    ],
)
def test_an_app_that_did_not_stay_in_front_is_told(
    app_phone, runner, tiny_bundle, tiny_outputs, name, text, note
):
    app_phone.says("later", text)
    app_phone.app_answers(RESULT, tiny_outputs, change=f"cp $stubs/later $stubs/{name}")
    (record,) = measure(runner, tiny_bundle)
    assert record.status == "done"
    assert any(note in one for one in record.notes)


def test_a_full_phone_is_told_before_and_while_it_fills(app_phone, runner, tiny_bundle, tmp_path):
    app_phone.device.fill_disk(4096)
    serial = app_phone.device.serial
    error = failed(runner, app_phone, tiny_bundle, tmp_path)
    assert error.startswith(f"{serial} is full: 4 MiB are free in /data/local/tmp, and ")
    app_phone.device.fill_disk(400_000)
    app_phone.has_program("df", "echo nothing that makes sense")
    full = Lines("pushing job.json", lambda: app_phone.device.shell("mount -o remount,size=8k /sdcard"))
    (record,) = measure(runner, tiny_bundle, log=full)
    assert record.error == f"{serial} is full: No space left on device; free some space on it"


_COPIED = "while files were copied or the phone was asked"
_RAN = "while the app ran, which went on"


@pytest.mark.parametrize(
    ("words", "when"),
    [("pushing 1.", _COPIED), ("running on", _RAN), ("the app runs", _RAN), ("reading results", _COPIED)],
)
def test_a_run_goes_on_when_the_cable_is_back(app_phone, runner, tiny_bundle, tiny_outputs, words, when):
    phone = app_phone.device
    app_phone.app_answers(RESULT, tiny_outputs)

    def lose() -> None:
        phone.pull_out()
        threading.Timer(0.3, phone.plug_in).start()

    log = Lines(words, lose)
    record, other = measure(runner, tiny_bundle, tiny_bundle, log=log)
    assert (record.status, record.error, record.fidelity.status) == ("done", None, "passed")
    assert f"{phone.serial} is back" in log
    (told,) = [note for note in record.notes if "the connection was lost" in note]
    assert re.fullmatch(rf"the connection was lost \d times? {when}", told)
    assert not any("lost" in note for note in other.notes)
    assert app_phone.left() == []


def test_a_cable_that_stays_lost_is_told_and_what_arrived_is_used_again(
    app_phone, runner, tiny_bundle, tiny_outputs
):
    phone = app_phone.device
    app_phone.app_answers(RESULT, tiny_outputs)
    impatient = AdbAppRunner(PATIENCE._replace(reconnect_s=0.3), WATCH)
    first, second = measure(
        impatient, tiny_bundle, tiny_bundle, log=Lines("pushing job.json", phone.pull_out)
    )
    assert first.error == second.error
    assert f"{phone.serial} was lost" in first.error
    assert "is not back after 0.3 s; connect it, and run the same command" in first.error
    phone.plug_in()
    phone.wait()
    log = Lines()
    (record,) = measure(runner, tiny_bundle, log=log, device=phone.serial)
    assert record.error is None
    assert [line.split()[2] for line in log if "pushing" in line] == ["job.json"]


def test_a_run_that_is_given_up_leaves_nothing(app_phone, runner, tiny_bundle):
    def give_up() -> None:
        raise KeyboardInterrupt

    app_phone.app_does("")
    with pytest.raises(KeyboardInterrupt):
        measure(runner, tiny_bundle, log=Lines("the app runs", give_up))
    assert app_phone.left() == []
    assert not app_phone.is_running()


def test_an_app_that_makes_its_folder_ends_when_it_is_given_up(app_phone, runner, tiny_bundle, monkeypatch):
    def give_up(_seconds: float) -> None:
        assert app_phone.is_running()
        raise KeyboardInterrupt

    app_phone.app_does("")
    app_phone.device.shell(f"rm -r {DOCUMENTS}")
    monkeypatch.setattr("rapsam.benchmarks.runners.adb_app.session.time.sleep", give_up)
    with pytest.raises(KeyboardInterrupt):
        measure(runner, tiny_bundle)
    assert not app_phone.is_running()


def test_a_phone_without_the_app(app_phone, runner, tiny_bundle, tmp_path):
    app_phone.says("pm", "")
    serial = app_phone.device.serial
    reason = (
        f"the sample app {APP_ID} is not on {serial}; build it with 'make android BUNDLE=...', and adb "
    )
    assert runner.unavailable(serial).startswith(reason)
    assert failed(runner, app_phone, tiny_bundle, tmp_path).startswith(reason)
    app_phone.says("pm", f"WARNING: linker: x has text relocations\npackage:/data/app/{APP_ID}/base.apk\n")
    assert runner.unavailable(serial) is None
    app_phone.says("pm", "cmd: Can't find service: package\n")
    assert "does not tell which apps it has (cmd: Can't find service: package)" in runner.unavailable(serial)


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
