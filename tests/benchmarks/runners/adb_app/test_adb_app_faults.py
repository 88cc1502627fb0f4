"""What becomes of a run when the phone refuses, is locked or full, or is lost."""

from __future__ import annotations

import re
import threading
import time
from types import SimpleNamespace

import pytest

from rapsam.benchmarks.runners.adb_app.app import DOCUMENTS
from rapsam.benchmarks.runners.adb_app.runner import AdbAppRunner
from rapsam.benchmarks.runners.app_contract import APP_ID, FOLDER
from tests.benchmarks.runners.adb_app.app_phone import LOCKED, POLICY, STARTED, STARTING
from tests.benchmarks.runners.adb_app.app_runs import Lines, failed, measure
from tests.benchmarks.runners.android.patience import PATIENCE, WATCH
from tests.benchmarks.runners.app_result import RESULT


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
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=give_up)
    monkeypatch.setattr("rapsam.benchmarks.runners.adb_app.session.time", clock)
    with pytest.raises(KeyboardInterrupt):
        measure(runner, tiny_bundle)
    assert not app_phone.is_running()


def test_a_phone_without_the_app(app_phone, runner, tiny_bundle, tmp_path):
    app_phone.says("pm", "")
    serial = app_phone.device.serial
    reason = f"the sample app {APP_ID} is not on {serial}; build it with 'make android BUNDLE=...', and adb "
    assert runner.unavailable(serial).startswith(reason)
    assert failed(runner, app_phone, tiny_bundle, tmp_path).startswith(reason)
    app_phone.says("pm", f"WARNING: linker: x has text relocations\npackage:/data/app/{APP_ID}/base.apk\n")
    assert runner.unavailable(serial) is None
    app_phone.says("pm", "cmd: Can't find service: package\n")
    assert "does not tell which apps it has (cmd: Can't find service: package)" in runner.unavailable(serial)
