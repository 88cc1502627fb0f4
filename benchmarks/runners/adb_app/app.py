"""The sample app on an Android phone: whether it is there, starting and ending it, its last words."""

from __future__ import annotations

import re

from rapsam.benchmarks.runners.android.device import AdbDevice
from rapsam.benchmarks.runners.android.tool import last_words
from rapsam.benchmarks.runners.app_contract import APP_ID, ARGUMENT, DONE, FOLDER
from rapsam.errors import UnavailableError, printable, shortened

ACTIVITY = f"{APP_ID}/.BenchmarkActivity"
EXTRA = ARGUMENT.removeprefix("--")
DOCUMENTS = f"/sdcard/Android/data/{APP_ID}/files"
"""What Android gives the app as its external files, as the shell of a computer sees it."""
RUNS = f"{DOCUMENTS}/{FOLDER}"
DONE_FILE = f"{DOCUMENTS}/{DONE}"
RUNTIMES = {
    "onnx": ("ONNX Runtime", "ONNX Runtime, XNNPACK", "ONNX Runtime, NNAPI"),
    "tflite": ("TensorFlow Lite",),
    "executorch": ("ExecuTorch",),
}
"""Target to what the app can be asked for; the first is taken unless told."""
WITHOUT_THREADS = ("ONNX Runtime, NNAPI",)
"""Those for which a number of threads changes nothing."""
_INSTALL = "build it with 'make android BUNDLE=...', and adb install the APK of this phone"
# `am start -W` has to wait for a cold start; Android itself gives up after 10 s.
_START_S = 60.0
_MAX_BYTES = 1 << 18
_SHOWN = 300
_MISSING = "does not exist"
_REFUSED = ("Error:", "Security exception:", "java.lang.", "Exception occurred")
_EXIT = re.compile(r"\bpid=(\d+)\b[^\n]*\n[^\n]*?\breason=\d+ \((.{1,80}?)\)(?: |\n|\Z)")
# Of a crash Android logs a title and the process before the exception; then come the places in the code.
_TITLES = ("--------- ", "FATAL EXCEPTION", "Process: ", "Caused by: ", "PID: ")


def check_installed(device: AdbDevice) -> None:
    """Checks that the app is there.

    Raises:
        UnavailableError: If it is not, or the device does not tell.
    """
    done = device.shell(f"pm path {APP_ID}")
    said = done.output.decode(errors="replace")
    # Some phones warn of their own libraries before they answer.
    if any(line.startswith("package:") for line in said.splitlines()):
        return
    if said.strip() or done.errors.strip():
        words = last_words(f"{said}\n{done.errors}")
        raise UnavailableError(f"{device.serial} does not tell which apps it has ({words}); start it anew")
    raise UnavailableError(f"the sample app {APP_ID} is not on {device.serial}; {_INSTALL}")


def closed_folder(device: AdbDevice, why: str) -> UnavailableError:
    """Says that computers do not get into the app's folder, which is not so on most phones.

    Args:
        device: Where.
        why: What the shell said.
    """
    return UnavailableError(
        f"{device.serial} keeps computers out of {DOCUMENTS} ({why}); measure with --on adb, or on the "
        "screen of the app itself"
    )


def start_app(device: AdbDevice, run: str | None) -> None:
    """Starts the screen that measures, in a new process.

    Args:
        device: Where.
        run: Number of the run; None to start it without one.

    Raises:
        UnavailableError: If Android refuses.
    """
    extra = "" if run is None else f" --es {EXTRA} {run}"
    # Done again where the cable is lost meanwhile: what the first start wrote must not count for the second.
    command = f"rm -f {DONE_FILE}; am start -S -W -n {ACTIVITY}{extra} 2>&1"
    said = device.said(command, timeout_s=_START_S)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    # Its exit code says nothing before Android 14. "timeout" is a start that goes on.
    if any(line.startswith("Status: ") for line in lines):
        return
    told = [line for line in lines if line.startswith(_REFUSED)] or lines[-1:]
    reason = shortened(printable(told[0]), _SHOWN) if told else "am start says nothing"
    if _MISSING in reason:
        raise UnavailableError(f"the sample app on {device.serial} cannot be asked ({reason}); {_INSTALL}")
    raise UnavailableError(f"{device.serial} does not start the sample app: {reason}")


def stop_app(device: AdbDevice) -> None:
    """Ends the app, whatever it does."""
    device.shell(f"am force-stop {APP_ID}")


def last_of_app(device: AdbDevice, pid: str | None) -> str:
    """Tells why the app is gone, and what it said last; fit to follow another text.

    Args:
        device: Where.
        pid: Number of its process; None if it was never seen.
    """
    reasons = device.said(f"dumpsys activity exit-info {APP_ID} 2>/dev/null", _MAX_BYTES)
    reason = next((why for number, why in _EXIT.findall(reasons) if number == pid), None)
    log = "" if pid is None else _log(device, pid)
    lines = [line for line in log.splitlines() if line.strip() and not line.startswith(("\t", " ", *_TITLES))]
    told = "" if reason is None else f" ({shortened(printable(reason), _SHOWN)})"
    return told + (f"; its last words: {last_words(lines[-1])}" if lines else "")


def _log(device: AdbDevice, pid: str) -> str:
    """Returns what the app itself, and Android of its crash, logged as wrong."""
    log = f"logcat -d -v raw --pid={pid} -s RapSAM:W AndroidRuntime:E"
    return device.said(f"{log} 2>/dev/null | tail -n 50", _MAX_BYTES)
