"""One run on an iPhone: pushed, started, waited for, pulled back."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from rapsam.benchmarks.runners.app_contract import (
    APP_ID,
    ARGUMENT,
    BUNDLE,
    DONE,
    FOLDER,
    JOB,
    OUT,
    AppJob,
)
from rapsam.benchmarks.runners.ios.devicectl import (
    DevicectlError,
    ask,
    devicectl_command,
    reason_of_refusal,
)
from rapsam.errors import BundleError, UnavailableError
from rapsam.untrusted import read_limited

_DOCUMENTS = "Documents"
_MAX_DONE_BYTES = 1000
_MAX_SAID_BYTES = 64 << 20
_TAIL_BYTES = 4000
_LOCKED = "Locked"


class Patience(NamedTuple):
    """How long what is waited for, in seconds.

    Attributes:
        copy_s: For files to get there or back.
        run_s: For the app, beside what is measured.
        poll_s: Between two looks whether it has finished.
    """

    copy_s: float = 900.0
    run_s: float = 900.0
    poll_s: float = 5.0


class PhoneSession:
    """Runs jobs on an iPhone.

    Args:
        udid: Of the phone.
        patience: How long what is waited for.
    """

    def __init__(self, udid: str, patience: Patience) -> None:
        self._patience = patience
        self._device = ("--device", udid)
        self._container = ("--domain-type", "appDataContainer", "--domain-identifier", APP_ID)

    def push(self, bundle: Path, job: AppJob) -> None:
        """Copies a bundle and the job to the phone.

        Raises:
            UnavailableError: If that fails.
        """
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, job.run_id)
            shutil.copytree(bundle, folder / BUNDLE)
            (folder / JOB).write_bytes(msgspec.json.encode(job))
            self._copy("to", str(folder), f"{_DOCUMENTS}/{FOLDER}/{job.run_id}")

    def run(self, job: AppJob, measured_s: float) -> None:
        """Starts the app, and waits until it says that it has finished with this job.

        Args:
            job: It was pushed.
            measured_s: How long the app measures by itself.

        Raises:
            UnavailableError: If the app does not start, ends early, or does not finish in time.
        """
        end = time.monotonic() + self._patience.run_s + measured_s
        with tempfile.TemporaryFile() as said, self._launched(job, said) as process:
            while True:
                # In this order: what it wrote last, it wrote before it ended.
                code = process.poll()
                if self._is_done(job):
                    return
                if code is not None:
                    raise UnavailableError(_early_end(code, said))
                if time.monotonic() > end or os.fstat(said.fileno()).st_size > _MAX_SAID_BYTES:
                    raise UnavailableError(
                        f"the app did not finish in {self._patience.run_s + measured_s:.0f} s; keep the "
                        "iPhone unlocked and connected, or measure less"
                    )
                time.sleep(self._patience.poll_s)

    @contextmanager
    def pulled(self, job: AppJob) -> Iterator[Path]:
        """Copies what the app wrote to a folder that lives as long as the block.

        Raises:
            UnavailableError: If that fails.
        """
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, OUT)
            self._copy("from", f"{_DOCUMENTS}/{FOLDER}/{job.run_id}/{OUT}", str(folder))
            yield folder

    def _is_done(self, job: AppJob) -> bool:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch, DONE)
            try:
                self._copy("from", f"{_DOCUMENTS}/{DONE}", str(path))
                told = read_limited(path, _MAX_DONE_BYTES)
            except (DevicectlError, BundleError, OSError):  # it is not there yet
                return False
        return told.decode(errors="replace").strip() == job.run_id

    def _copy(self, direction: str, source: str, destination: str) -> None:
        words = ("device", "copy", direction, *self._device, *self._container)
        places = ("--source", source, "--destination", destination)
        ask(object, *words, *places, timeout_s=self._patience.copy_s)

    @contextmanager
    def _launched(self, job: AppJob, said: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        """Starts the app; with "--console" the command lasts as long as the app."""
        launch = ("device", "process", "launch", "--console", "--terminate-existing", *self._device)
        command = devicectl_command(*launch, APP_ID, ARGUMENT, job.run_id)
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        except OSError as error:
            raise UnavailableError(f"cannot start xcrun: {error.strerror}") from error
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def _early_end(code: int, said: IO[bytes]) -> str:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - _TAIL_BYTES))
    words = said.read().decode(errors="replace")
    reason = reason_of_refusal("", words)
    if _LOCKED in words:
        return f"the app was not started: the iPhone is locked ({reason}); unlock it, and keep it so"
    what = "ended without a result" if code == 0 else f"was not started, or crashed (exit code {code})"
    return f"the app {what}: {reason}"
