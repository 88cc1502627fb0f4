"""One command on one phone: each variant in a process of its own, and why what is missing is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.runners.adb_app.app import check_installed, last_of_app, stop_app
from rapsam.benchmarks.runners.adb_app.files import RunFiles
from rapsam.benchmarks.runners.adb_app.record import Outcome
from rapsam.benchmarks.runners.adb_app.screen import await_unlocked, read_screen
from rapsam.benchmarks.runners.adb_app.session import make_documents, run_app
from rapsam.benchmarks.runners.android.device import AdbDevice, loss_notes
from rapsam.benchmarks.runners.android.facts import AndroidFacts, read_facts
from rapsam.benchmarks.runners.android.watching import SensorLog, Watch, cool_down, heat_notes
from rapsam.benchmarks.runners.app_answers import Answered, measured_of, read_result
from rapsam.benchmarks.runners.app_contract import APP_ID, RESULT, AppJob
from rapsam.benchmarks.runners.app_requests import longest_s, new_job
from rapsam.benchmarks.runners.base import Log, Variant
from rapsam.errors import RapSamError, UnavailableError
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.seal import verify_runnable

APP_NOTE = f"measured in a process of its own of the app {APP_ID}, started by adb's shell"


class Attempt:
    """Runs variants on a phone.

    Args:
        variants: What to run.
        timing: How.
        watch: How the phone is watched.
        log: Told every step.

    Attributes:
        found: Number of a variant to what came of it; all are there at the end.
        facts: Of the phone; None if it never told.
    """

    def __init__(self, variants: Sequence[Variant], timing: Timing, watch: Watch, log: Log) -> None:
        self.found: dict[int, Outcome] = {}
        self.facts: AndroidFacts | None = None
        self._variants = variants
        self._timing = timing
        self._watch = watch
        self._log = log

    def run(self, device: AdbDevice) -> None:
        """Does all of it; whatever goes wrong is what was found.

        Raises:
            UnavailableError: If the phone is lost for good, or cannot be used at all.
        """
        self.facts = read_facts(device)
        check_installed(device)
        files = RunFiles(device, self._log)
        try:
            await_unlocked(device, self._watch, self._log)
            make_documents(device, self._watch)
            files.prepare()
            for number, variant in enumerate(self._variants):
                self.found[number] = self._outcome(device, files, variant)
        finally:
            # Of a device that is lost what it holds is used again by the next command.
            if not device.is_lost:
                files.remove_all()

    def fail(self, reason: str) -> None:
        """Says why nothing came of those of which nothing is known yet."""
        for number in range(len(self._variants)):
            self.found.setdefault(number, Outcome(None, None, (), reason))

    def _outcome(self, device: AdbDevice, files: RunFiles, variant: Variant) -> Outcome:
        notes, losses, lost_in_run = [APP_NOTE], device.losses, 0
        answered: Answered | None = None
        sensors: SensorLog | None = None
        failed = None
        try:
            manifest = verify_runnable(variant.path)
            job = new_job(variant, self._timing)
            with self._ended(device, files, job):
                self._log(f"{variant}: copying to {device.serial}")
                files.push(variant.path, manifest, job)
                notes.append(cool_down(device, self._watch, self._log))
                await_unlocked(device, self._watch, self._log)
                self._log(f"{variant}: running on {device.serial}")
                before = device.losses
                try:
                    run = run_app(device, job, longest_s(manifest, self._timing), self._watch, self._log)
                finally:
                    lost_in_run = device.losses - before
                sensors = run.sensors
                notes += [read_screen(device).note, *heat_notes(sensors.hottest)]
                self._log(f"{variant}: reading results")
                with files.pulled(variant.path, manifest, job) as folder:
                    answered = self._answered(device, variant, manifest, folder, job, run.pid)
        except RapSamError as error:
            if device.is_lost:
                raise
            failed = str(error)
        except OSError as error:
            failed = f"cannot read or write files: {error.strerror or error}"
        notes += loss_notes(lost_in_run, "while the app ran, which went on")
        notes += loss_notes(
            device.losses - losses - lost_in_run, "while files were copied or the phone was asked"
        )
        return Outcome(answered, sensors, tuple(notes), failed)

    @contextmanager
    def _ended(self, device: AdbDevice, files: RunFiles, job: AppJob) -> Iterator[None]:
        """Ends the app, and removes its run, when all is read or nothing can be; also if the user ends it."""
        try:
            yield
        finally:
            if not device.is_lost:
                stop_app(device)
                files.remove_run(job)

    def _answered(
        self,
        device: AdbDevice,
        variant: Variant,
        manifest: Manifest,
        folder: Path,
        job: AppJob,
        pid: str | None,
    ) -> Answered:
        if not (folder / RESULT).exists():
            raise UnavailableError(f"the app left no {RESULT}{last_of_app(device, pid)}")
        result = read_result(folder, job)
        measured = measured_of(variant.path, manifest, folder, result, self._timing, variant.runtime)
        return Answered(result, measured)
