"""A device that may be lost at any moment: every step is done again when it is back."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from rapsam.benchmarks.runners.android.devices import READY, find_device, is_place, list_devices
from rapsam.benchmarks.runners.android.tool import (
    ANSWER_S,
    MAX_ANSWER_BYTES,
    AdbTool,
    LostError,
    find_adb,
    last_words,
)
from rapsam.benchmarks.runners.base import Progress
from rapsam.benchmarks.runners.bounded_process import Finished
from rapsam.errors import UnavailableError

SERIAL_VARIABLE = "ANDROID_SERIAL"
MAX_LOSSES = 10
"""Of one command: a cable that is lost more often is broken."""
_PUSH_S = 60.0
_END = "rapsam-ended "
_END_BYTES = 32
_CODE = re.compile(rb"[0-9]{1,3}\n")
_SLOWEST_BYTES_PER_S = 1_000_000
Result = TypeVar("Result")


class Patience(NamedTuple):
    """How long to wait for what.

    Attributes:
        reconnect_s: For a lost device to come back.
        pause_s: Between two looks at it.
    """

    reconnect_s: float = 120.0
    pause_s: float = 1.0


def meant_serial(device: str | None) -> str | None:
    """Returns the serial number that is meant, by the user or by the variable that adb itself reads."""
    return device or os.environ.get(SERIAL_VARIABLE) or None


def open_device(device: str | None, patience: Patience, progress: Progress) -> AdbDevice:
    """Finds the device that is meant.

    Args:
        device: Its serial number, as the user wrote it; None for the only one.
        patience: For when it is lost.
        progress: Told when it is lost and found.

    Raises:
        UnavailableError: If there is no adb, or no such device that can be used.
    """
    tool = AdbTool(find_adb())
    return AdbDevice(tool, find_device(tool, meant_serial(device)).serial, patience, progress)


def loss_notes(times: int, meanwhile: str) -> tuple[str, ...]:
    """Tells how often a device was lost; nothing if it was not.

    Args:
        times: How often.
        meanwhile: What was going on, and what became of it.
    """
    return (f"the connection was lost {times} time{'s' * (times > 1)} {meanwhile}",) if times else ()


class AdbDevice:
    """A device that was there when it was chosen.

    Args:
        tool: adb.
        serial: Of the device.
        patience: For when it is lost.
        progress: Told when it is lost and found.

    Attributes:
        serial: See above.
        losses: How often it was lost.
        is_lost: Whether it was lost for good.
    """

    def __init__(self, tool: AdbTool, serial: str, patience: Patience, progress: Progress) -> None:
        self.serial = serial
        self.losses = 0
        self.is_lost = False
        self._tool = tool
        self._patience = patience
        self._progress = progress

    def shell(self, script: str, timeout_s: float = ANSWER_S, limit: int = MAX_ANSWER_BYTES) -> Finished:
        """Runs a script in the device's shell; it may be run again if the device was lost meanwhile.

        Args:
            script: What to run; nothing in it may come from outside.
            timeout_s: Seconds after which the device counts as lost.
            limit: Most bytes that it may say.

        Raises:
            UnavailableError: If the device is lost for good, or says too much.
        """
        return self._patiently(lambda: self._whole_answer(script, timeout_s, limit))

    def said(self, script: str, limit: int = MAX_ANSWER_BYTES, timeout_s: float = ANSWER_S) -> str:
        """Returns what a script says, whatever its exit code; see `shell`."""
        return self.shell(script, timeout_s, limit).output.decode(errors="replace")

    def push(self, source: Path, target: str, size_bytes: int) -> None:
        """Copies a file to the device; see `shell`.

        Raises:
            UnavailableError: Also if the device is full, or refuses it.
        """
        timeout_s = _PUSH_S + size_bytes / _SLOWEST_BYTES_PER_S
        done = self._patiently(
            lambda: self._tool.call("push", str(source), target, timeout_s=timeout_s, serial=self.serial)
        )
        if done.code:
            # Where the file lies here is of no use to who reads a record.
            reason = last_words(done.errors.replace(str(source), source.name))
            raise UnavailableError(f"{self.serial} refuses a file: {reason}")

    def read(self, path: str, limit: int) -> bytes | None:
        """Reads a file of the device; None if it is not there.

        Args:
            path: Of ours.
            limit: Bytes after which it is refused.

        Raises:
            UnavailableError: If it is larger, or the device is lost for good.
        """
        timeout_s = _PUSH_S + limit / _SLOWEST_BYTES_PER_S
        # Of a pipe nothing may ever come.
        done = self.shell(f"[ -f {path} ] && cat {path}", timeout_s, limit)
        return None if done.code else done.output

    def _whole_answer(self, script: str, timeout_s: float, limit: int) -> Finished:
        """Runs a script that says when it has ended: of a device that is lost meanwhile adb tells nothing."""
        done = self._tool.call(
            "shell",
            f"( {script}\n); printf '{_END}%d\\n' $?",
            timeout_s=timeout_s,
            limit=limit + _END_BYTES,
            serial=self.serial,
        )
        output, mark, code = done.output.rpartition(_END.encode())
        if not mark or not _CODE.fullmatch(code):
            raise LostError("the connection ended in the middle of an answer")
        return Finished(int(code), output, done.errors)

    def _patiently(self, step: Callable[[], Result]) -> Result:
        while True:
            try:
                return step()
            except LostError as error:
                self._await(error)

    def _await(self, lost: LostError) -> None:
        """Waits until the device is back."""
        self.losses += 1
        if self.losses > MAX_LOSSES:
            self.is_lost = True
            raise UnavailableError(f"{self.serial} was lost {self.losses} times ({lost}); try another cable")
        self._progress(f"{self.serial} is lost ({lost}); waiting for it")
        end = time.monotonic() + self._patience.reconnect_s
        while time.monotonic() < end:
            if self._is_back():
                self._progress(f"{self.serial} is back")
                return
            time.sleep(self._patience.pause_s)
        self.is_lost = True
        raise UnavailableError(
            f"{self.serial} was lost ({lost}) and is not back after {self._patience.reconnect_s:g} s; "
            "connect it, and run the same command: what is on the device already is not pushed again"
        )

    def _is_back(self) -> bool:
        try:
            found = {device.serial: device.state for device in list_devices(self._tool)}
            if found.get(self.serial) != READY:
                if is_place(self.serial):
                    # adb itself tries again after 10 s, and not at all once its server has ended.
                    self._tool.call("disconnect", self.serial)
                    self._tool.call("connect", self.serial)
                return False
            return self._tool.call("shell", "echo", serial=self.serial).code == 0
        except UnavailableError:
            return False
