"""The files of a run in the app's folder: put there by the phone's own shell, read back within limits.

They are pushed to the shell's own folder first, where what arrived whole is not pushed again. From there the
shell copies them: some phones refuse `adb push` into the folder of an app ("remote fchown failed").
"""

from __future__ import annotations

import hashlib
import re
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import msgspec

from rapsam.benchmarks.runners.adb_app.app import DONE_FILE, RUNS, closed_folder
from rapsam.benchmarks.runners.android.device import AdbDevice
from rapsam.benchmarks.runners.android.tool import FULL, last_words
from rapsam.benchmarks.runners.android.transfer import (
    Item,
    bring,
    check_space,
    folder_for,
    handling_s,
    remove,
)
from rapsam.benchmarks.runners.app_answers import output_sizes
from rapsam.benchmarks.runners.app_contract import (
    BUNDLE,
    FOLDER,
    JOB,
    MAX_RESULT_BYTES,
    OUT,
    RESULT,
    AppJob,
)
from rapsam.benchmarks.runners.base import Progress
from rapsam.errors import UnavailableError
from rapsam.export.bundle.manifest import MANIFEST_NAME, SEAL_NAME, Manifest
from rapsam.files import sha256_of, size_of

# What the shell makes, the app must be able to read and to remove.
_OPEN = "umask 0"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_NAME = 60
# Of one command: the shell takes no line of any length.
_STEPS = 50


class RunFiles:
    """The app's folder on a device, and what is brought there.

    Args:
        device: Where.
        progress: Told of every file that is pushed.
    """

    def __init__(self, device: AdbDevice, progress: Progress) -> None:
        self._device = device
        self._progress = progress
        self._staged: list[str] = []

    def prepare(self) -> None:
        """Removes what earlier runs left, and sees whether the shell may write there.

        Raises:
            UnavailableError: If it may not, or the device is lost for good.
        """
        probe = f"{RUNS}/probe"
        done = self._device.shell(
            f"{_OPEN}; rm -rf {RUNS} {DONE_FILE} && mkdir -p {RUNS} && echo {FOLDER} > {probe} && "
            f'[ "$(cat {probe})" = {FOLDER} ] && rm {probe}'
        )
        if done.code:
            raise closed_folder(self._device, last_words(done.errors))

    def push(self, bundle: Path, manifest: Manifest, job: AppJob) -> None:
        """Brings a bundle and a job.

        Args:
            bundle: It, verified.
            manifest: Of it.
            job: What the app is to do with it.

        Raises:
            UnavailableError: If the device is full, refuses a file, or is lost for good.
        """
        files = _bundle_files(bundle, manifest)
        with tempfile.TemporaryDirectory() as scratch:
            written = Path(scratch, JOB)
            written.write_bytes(msgspec.json.encode(job))
            files[JOB] = Item(JOB, written, sha256_of(written), size_of(written))
            places = self._stage([item for path, item in files.items() if path != JOB], [files[JOB]])
        check_space(self._device, RUNS, sum(item.size_bytes for item in files.values()))
        folder = f"{RUNS}/{job.run_id}"
        parents = sorted({str(PurePosixPath(path).parent) for path in files})
        steps = [f"mkdir -p {shlex.quote(f'{folder}/{parent}')}" for parent in parents]
        steps += [
            f"cat {places[item.name]}/{item.name} > {shlex.quote(f'{folder}/{path}')}"
            for path, item in files.items()
        ]
        patience_s = handling_s(sum(item.size_bytes for item in files.values()))
        for start in range(0, len(steps), _STEPS):
            self._do(f"{_OPEN}; {' && '.join(steps[start : start + _STEPS])}", patience_s)

    def remove_run(self, job: AppJob) -> None:
        """Removes what was brought for a job, and what the app wrote; what was pushed stays for the next."""
        self._device.shell(f"rm -rf {RUNS}/{job.run_id} {DONE_FILE}")

    def remove_all(self) -> None:
        """Removes all that was brought."""
        self._device.shell(f"rm -rf {RUNS} {DONE_FILE}")
        remove(self._device, *self._staged)

    @contextmanager
    def pulled(self, bundle: Path, manifest: Manifest, job: AppJob) -> Iterator[Path]:
        """Reads the files that an app must leave, and no others, into a folder that lives like the block.

        Raises:
            UnavailableError: If one is larger than it may be, or the device is lost for good.
        """
        with tempfile.TemporaryDirectory() as scratch:
            for name, limit in {RESULT: MAX_RESULT_BYTES, **output_sizes(bundle, manifest)}.items():
                data = self._read(f"{RUNS}/{job.run_id}/{OUT}/{name}", limit)
                if data is not None:
                    Path(scratch, name).write_bytes(data)
            yield Path(scratch)

    def _read(self, path: str, limit: int) -> bytes | None:
        try:
            return self._device.read(path, limit)
        except UnavailableError as error:
            if self._device.is_lost:
                raise
            name = PurePosixPath(path).name
            raise UnavailableError(f"the app left a {name} that cannot be read: {error}") from error

    def _stage(self, *groups: list[Item]) -> dict[str, str]:
        """Pushes files; returns the folder on the device of each."""
        places: dict[str, str] = {}
        for items in groups:
            folder = folder_for(items)
            if folder not in self._staged:
                self._staged.append(folder)
            bring(self._device, folder, items, self._progress)
            places |= {item.name: folder for item in items}
        return places

    def _do(self, script: str, patience_s: float) -> None:
        done = self._device.shell(script, patience_s)
        if done.code and FULL in done.errors:
            raise UnavailableError(f"{self._device.serial} is full: {FULL}; free some space on it")
        if done.code:
            raise UnavailableError(
                f"{self._device.serial} refuses a file of the run: {last_words(done.errors)}"
            )


def _bundle_files(bundle: Path, manifest: Manifest) -> dict[str, Item]:
    """Lists the files of a bundle, by their places in the folder of a run."""
    sealed = {entry.path: (entry.sha256, entry.size_bytes) for entry in manifest.files}
    for name in (MANIFEST_NAME, SEAL_NAME):
        data = (bundle / name).read_bytes()
        sealed[name] = hashlib.sha256(data).hexdigest(), len(data)
    return {
        f"{BUNDLE}/{path}": Item(_pushed_name(number, path), bundle / path, sha256, size_bytes)
        for number, (path, (sha256, size_bytes)) in enumerate(sealed.items())
    }


def _pushed_name(number: int, path: str) -> str:
    """Names a file on its way, where there are no folders: so that no two are alike, and people know it."""
    return f"{number}.{_UNSAFE.sub('_', path)[-_NAME:]}"
