"""Timing in the sample app on an Android phone, over adb."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.latency.stage_names import StageName, known_stages
from rapsam.benchmarks.measuring.records import now_utc
from rapsam.benchmarks.runners.adb_app.app import RUNTIMES, WITHOUT_THREADS, check_installed
from rapsam.benchmarks.runners.adb_app.attempt import Attempt
from rapsam.benchmarks.runners.adb_app.record import RUNNER, android_app_record
from rapsam.benchmarks.runners.adb_app.screen import check_unlocked
from rapsam.benchmarks.runners.android.device import Patience, meant_serial, open_device
from rapsam.benchmarks.runners.android.facts import read_facts, unknown_device
from rapsam.benchmarks.runners.android.watching import Watch
from rapsam.benchmarks.runners.app_requests import app_conditions, wanted_runtimes
from rapsam.benchmarks.runners.base import Log, Variant, Wanted
from rapsam.benchmarks.runners.threads import check_threads, thread_counts
from rapsam.errors import UnavailableError
from rapsam.export.backends.runtimes import THREADS


class AdbAppRunner:
    """Runs variants in the sample app on an Android phone.

    Args:
        patience: For when the device is lost.
        watch: How it is watched.
    """

    name = RUNNER

    def __init__(self, patience: Patience | None = None, watch: Watch | None = None) -> None:
        self._patience = patience or Patience()
        self._watch = watch or Watch()

    def unavailable(self, device: str | None) -> str | None:
        """See `DeviceRunner.unavailable`. Nothing is done to the phone."""
        try:
            found = open_device(device, self._patience, _quiet)
            check_installed(found)
            check_unlocked(found)
        except UnavailableError as error:
            return str(error)
        return None

    def variants(self, wanted: Wanted, device: str | None) -> tuple[Variant, ...]:
        """See `DeviceRunner.variants`. Numbers of threads are powers of two, and that of all processors."""
        named = {path: wanted_runtimes(path, wanted, RUNTIMES) for path in wanted.paths}
        found = open_device(device, self._patience, _quiet)
        cores = read_facts(found).device.cores or THREADS
        check_threads(wanted, cores, found.serial)
        return tuple(
            Variant(path, runtime, count)
            for path in wanted.paths
            for runtime in named[path]
            for count in ((None,) if runtime in WITHOUT_THREADS else thread_counts(wanted, cores))
        )

    def stages(self, path: Path) -> tuple[StageName, ...]:
        """See `DeviceRunner.stages`."""
        return known_stages(path)

    def measure(
        self,
        variants: Sequence[Variant],
        timing: Timing,
        device: str | None,
        command: str,
        progress: Log,
    ) -> tuple[LatencyRecord, ...]:
        """See `DeviceRunner.measure`."""
        created, conditions = now_utc(), app_conditions(timing, command, len(variants))
        attempt = Attempt(variants, timing, self._watch, progress)
        try:
            attempt.run(open_device(device, self._patience, progress))
        except UnavailableError as error:
            attempt.fail(str(error))
        unknown = unknown_device(meant_serial(device))
        return tuple(
            android_app_record(created, conditions, unknown, attempt.facts, variant, attempt.found[number])
            for number, variant in enumerate(variants)
        )


def _quiet(line: str) -> None:
    del line
