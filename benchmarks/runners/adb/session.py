"""One run of the program on the device: started, watched until it ends, whatever becomes of the cable."""

from __future__ import annotations

import re
import time
from typing import Annotated, NamedTuple

import msgspec

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.runners.adb.job_files import JOB
from rapsam.benchmarks.runners.adb.ort_library import LIBRARY
from rapsam.benchmarks.runners.adb.program import PROGRAM
from rapsam.benchmarks.runners.android.device import AdbDevice
from rapsam.benchmarks.runners.android.tool import last_words
from rapsam.benchmarks.runners.android.watching import SensorLog, Watch
from rapsam.benchmarks.runners.base import Progress
from rapsam.errors import JSON_ERRORS, UnavailableError, printable, quoted, shortened

_MAX_BYTES = 1 << 17
_MOST_STAGES = 64
_ABOUT_S = 60.0
_SHOWN = 300
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,40}")
# The process of the pid file, and not one that has its number since the device was started anew.
_ALIVE = (
    f'p=$(cat pid 2>/dev/null); a=0; [ -n "$p" ] && grep -q {PROGRAM} /proc/$p/cmdline 2>/dev/null && a=1'
)
_LOOK = (
    f"{_ALIVE}; if [ -e ended ]; then echo ended; "
    "elif [ $a = 1 ]; then echo running; cat state; else echo gone; fi"
)
_STOP = f"{_ALIVE}; [ $a = 1 ] && kill -9 -- -$p"


class About(NamedTuple):
    """What ONNX Runtime on the device says of itself.

    Attributes:
        version: Its version.
        providers: Its execution providers.
    """

    version: str
    providers: frozenset[str]


class Ran(NamedTuple):
    """A run that has ended.

    Attributes:
        reasons: For each variant, why there is no result of it; None if there is one.
        sensors: What was read of heat and battery meanwhile.
    """

    reasons: tuple[str | None, ...]
    sensors: SensorLog


def ask_about(device: AdbDevice, tools: str) -> About:
    """Starts the program once, to see whether it can be, and asks what ONNX Runtime there can do.

    Args:
        device: Where.
        tools: The folder of program and library there.

    Raises:
        UnavailableError: If it cannot be started there, or the library cannot be opened.
    """
    done = device.shell(f"{tools}/{PROGRAM} about {tools}/{LIBRARY}", timeout_s=_ABOUT_S)
    lines = done.output.decode(errors="replace").split()
    if done.code or not lines or not _VERSION.fullmatch(lines[0]):
        said = done.errors if done.errors.strip() else done.output.decode(errors="replace")
        raise UnavailableError(f"the program does not work on {device.serial}: {last_words(said)}")
    return About(lines[0], frozenset(lines[1:64]))


def stop(device: AdbDevice, folder: str) -> None:
    """Ends what runs in the folder, with all its processes."""
    device.shell(f"cd {folder} 2>/dev/null && {{ {_STOP}; }}")


def run_job(
    device: AdbDevice,
    tools: str,
    folder: str,
    timing: Timing,
    variants: int,
    watch: Watch,
    progress: Progress,
) -> Ran:
    """Starts the job that lies in the folder, and waits for its end.

    Args:
        device: Where.
        tools: The folder of the program there.
        folder: That of the job; nothing of an earlier run is in it.
        timing: The protocol.
        variants: How many there are.
        watch: How it is watched.
        progress: Told every step.

    Raises:
        UnavailableError: If it cannot be started, hangs, is gone, or the device is lost for good.
    """
    # Done again when the cable is lost meanwhile: what runs already is not started twice.
    done = device.shell(f"cd {folder} && {{ [ -e pid ] || {tools}/{PROGRAM} run {JOB}; }}")
    if done.code:
        raise UnavailableError(f"the program does not start on {device.serial}: {last_words(done.errors)}")
    try:
        return _watched(device, folder, timing, variants, watch, progress)
    except BaseException:  # also when the user ends it: nothing of ours goes on running there
        if not device.is_lost:
            stop(device, folder)
        raise


def _watched(
    device: AdbDevice, folder: str, timing: Timing, variants: int, watch: Watch, progress: Progress
) -> Ran:
    longest_s = watch.hang_s + max(timing.max_seconds * _MOST_STAGES, timing.sustained_s or 0.0)
    changed, state = time.monotonic(), ""
    sensors = SensorLog(device, watch.sensors_s)
    while True:
        kind, _, found = device.said(f"cd {folder} && {{ {_LOOK}; }}", _MAX_BYTES).partition("\n")
        now = time.monotonic()
        if kind == "ended":
            break
        if kind != "running":
            raise UnavailableError(_gone(device, folder, kind))
        if found != state:
            state, changed = found, now
            progress(f"{device.serial}: {_shown(state)}")
        elif now - changed > longest_s:
            raise UnavailableError(f"the run hangs: nothing new in {longest_s:g} s, at last: {_shown(state)}")
        sensors.look()
        time.sleep(watch.look_s)
    sensors.read()
    return Ran(_reasons(device, folder, variants), sensors)


def _reasons(device: AdbDevice, folder: str, variants: int) -> tuple[str | None, ...]:
    reason = Annotated[str, msgspec.Meta(max_length=2000)]
    kind = Annotated[tuple[reason | None, ...], msgspec.Meta(min_length=variants, max_length=variants)]
    data = device.read(f"{folder}/ended", _MAX_BYTES) or b""
    try:
        found: tuple[str | None, ...] = msgspec.json.decode(data, type=kind)
    except JSON_ERRORS as error:
        shown = quoted(data[:_SHOWN].decode(errors="replace"))
        raise UnavailableError(f"the device answered {shown}, which tells no end of a run") from error
    return found


def _gone(device: AdbDevice, folder: str, kind: str) -> str:
    """Says what is known of a program that is neither there nor has ended."""
    if kind != "gone":
        return f"the device answered {quoted(kind)}, which is no state of a run"
    said = device.said(f"cd {folder} && tail -c 2000 said", _MAX_BYTES)
    words = f"; its last words: {last_words(said)}" if said.strip() else ""
    causes = "it crashed, was ended for memory, or the device was restarted"
    return f"the program on the device is gone: {causes}{words}"


def _shown(state: str) -> str:
    """The state without its number, which only tells that it is another."""
    return shortened(printable(state.strip().partition(" ")[2]), _SHOWN)
