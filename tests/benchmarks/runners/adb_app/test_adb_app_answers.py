"""What an app on a phone leaves is not trusted, and of one that leaves nothing the reason is told."""

from __future__ import annotations

import pytest

from rapsam.benchmarks.runners.adb_app.app import DOCUMENTS
from rapsam.benchmarks.runners.adb_app.runner import AdbAppRunner
from rapsam.benchmarks.runners.app_contract import DONE, FOLDER
from tests.benchmarks.runners.adb_app.app_runs import failed
from tests.benchmarks.runners.android.patience import PATIENCE, WATCH
from tests.benchmarks.runners.app_result import RESULT

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
