"""Android's adb: finding it, calling it, and what its complaints mean."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from rapsam.benchmarks.runners.bounded_process import Finished, HungError, run_bounded
from rapsam.errors import UnavailableError, printable, shortened

ANSWER_S = 30.0
"""For commands that only ask; the first of them starts adb's server."""
MAX_ANSWER_BYTES = 1 << 20
_FOLDERS = ("ANDROID_HOME", "ANDROID_SDK_ROOT")
_SHOWN = 300
_NONE = "no adb program; install Android's platform tools, as in apt-get install adb, or set ANDROID_HOME"
_SERVER = (
    "cannot connect to daemon",
    "failed to start daemon",
    "failed to check server version",
    "ADB server didn't ACK",
)
_LOST = (
    *("device offline", "no devices/emulators found", "error: closed", "protocol fault", "connection reset"),
    *("device still connecting", "device still authorizing", "failed to get feature set", "transport", "EOF"),
    *("couldn't read from device", "connect failed", "Broken pipe"),
)
FULL = "No space left on device"


class LostError(UnavailableError):
    """The connection is gone; the device may come back."""


class AdbTool:
    """The program, for commands that always end.

    Args:
        program: Its path.
    """

    def __init__(self, program: str) -> None:
        self._program = program

    def call(
        self,
        *words: str,
        timeout_s: float = ANSWER_S,
        limit: int = MAX_ANSWER_BYTES,
        serial: str | None = None,
    ) -> Finished:
        """Calls it.

        Args:
            words: Command and arguments.
            timeout_s: See `run_bounded`.
            limit: See there.
            serial: The device; None for commands that need none.

        Raises:
            LostError: If the device was lost, or does not answer.
            UnavailableError: If adb's server does not work, or the device says too much.
        """
        device = () if serial is None else ("-s", serial)
        shown = f"adb {words[0]}"
        try:
            done = run_bounded((self._program, *device, *words), timeout_s, limit)
        except HungError as error:
            raise LostError(f"{shown}: {error}") from error
        except UnavailableError as error:
            raise UnavailableError(f"{shown}: {error}") from error
        except OSError as error:
            raise UnavailableError(f"{self._program} cannot be started: {error.strerror}; {_NONE}") from error
        if done.code:
            if words[0] == "push":
                done = _push_told(done)
            _refuse_known(done, serial)
        return done


def find_adb(environment: Mapping[str, str] = os.environ) -> str:
    """Finds adb on the path, or where `ANDROID_HOME` says that Android's tools are.

    Raises:
        UnavailableError: If there is none.
    """
    if found := shutil.which("adb", path=environment.get("PATH")):
        return found
    for variable in _FOLDERS:
        if folder := environment.get(variable):
            program = Path(folder, "platform-tools", "adb")
            if os.access(program, os.X_OK) and program.is_file():
                return str(program)
    raise UnavailableError(_NONE)


def last_words(text: str) -> str:
    """Returns the last line that says something, fit to be shown."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return shortened(printable(lines[-1]), _SHOWN) if lines else "no reason given"


def _push_told(done: Finished) -> Finished:
    """Adds what adb says of failed files where it tells of the others; nothing at all, if its server ends."""
    errors = done.errors + done.output.decode(errors="replace")
    if not errors.strip():
        raise LostError("adb push: adb's server has ended")
    return done._replace(errors=errors)


def _refuse_known(done: Finished, serial: str | None) -> None:
    """Raises what the complaint of a failed command means for all commands alike."""
    words = done.errors
    if any(part in words for part in _SERVER):
        remedy = "run: adb kill-server && adb start-server"
        raise UnavailableError(f"adb's server does not work ({last_words(words)}); {remedy}")
    if serial is None:
        return
    if "unauthorized" in words:
        raise LostError(f"{serial} no longer allows this computer ({last_words(words)})")
    gone = f"device '{serial}' not found" in words or any(part in words for part in _LOST)
    # Programs on the device complain there too, but adb itself does it with this exit code and beginning.
    if gone and any(line.startswith(("error:", "adb: ", "* ", "- ")) for line in words.splitlines()):
        raise LostError(last_words(words))
    if FULL in words:
        raise UnavailableError(f"{serial} is full: {FULL}; free some space on it")
