"""Timing on an iPhone, from a Mac."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from pathlib import Path

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.latency.stage_names import StageName, known_stages
from rapsam.benchmarks.measuring.records import now_utc
from rapsam.benchmarks.runners.app_answers import Answered, measured_of, read_result
from rapsam.benchmarks.runners.app_requests import app_conditions, longest_s, new_job, wanted_runtimes
from rapsam.benchmarks.runners.base import Progress, Variant, Wanted
from rapsam.benchmarks.runners.ios.devices import Phone, find_phone
from rapsam.benchmarks.runners.ios.record import phone_record
from rapsam.benchmarks.runners.ios.session import Patience, PhoneSession
from rapsam.errors import InputError, RapSamError, UnavailableError, quoted
from rapsam.export.backends.runtimes import THREADS
from rapsam.export.bundle.seal import verify_runnable

RUNTIMES = {
    "coreml": ("Core ML", "Core ML, CPU", "Core ML, CPU and GPU", "Core ML, CPU and Neural Engine"),
    "onnx": ("ONNX Runtime",),
}
"""Format to what an app can be asked for; the first is taken unless told. "Core ML" chooses by itself."""
WITH_THREADS = ("ONNX Runtime",)
"""Those that are told a number of threads."""
MAX_THREADS = 16


class IosRunner:
    """Runs variants on an iPhone.

    Args:
        patience: How long what is waited for.
        system: Names the system of this machine.
    """

    name = "ios"

    def __init__(self, patience: Patience | None = None, system: Callable[[], str] = platform.system) -> None:
        self._patience = patience or Patience()
        self._system = system

    def unavailable(self, device: str | None) -> str | None:
        """See `DeviceRunner.unavailable`. A device is a UDID."""
        if self._system() != "Darwin":
            return f"it needs a Mac with Xcode, whose devicectl talks to iPhones; this is {self._system()}"
        try:
            find_phone(device)
        except UnavailableError as error:
            return str(error)
        return None

    def variants(self, wanted: Wanted, device: str | None) -> tuple[Variant, ...]:
        """See `DeviceRunner.variants`."""
        del device
        if wanted.threads is not None and not 1 <= wanted.threads <= MAX_THREADS:
            raise InputError(f"--threads {quoted(wanted.threads)}; expected 1 to {MAX_THREADS}")
        return tuple(
            Variant(path, runtime, (wanted.threads or THREADS) if runtime in WITH_THREADS else None)
            for path in wanted.paths
            for runtime in wanted_runtimes(path, wanted, RUNTIMES)
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
        progress: Progress,
    ) -> tuple[LatencyRecord, ...]:
        """See `DeviceRunner.measure`."""
        created = now_utc()
        conditions = app_conditions(timing, command, len(variants))
        records = []
        phone: Phone | None = None
        for variant in variants:
            try:
                # Anew for each: it may have been locked or unplugged since.
                phone = find_phone(device)
                found: Answered | str = self._answered(phone, variant, timing, progress)
            except RapSamError as error:
                found = str(error)
            except OSError as error:
                found = f"cannot read or write files: {error.strerror or error}"
            records.append(phone_record(created, conditions, phone, variant, found))
        return tuple(records)

    def _answered(self, phone: Phone, variant: Variant, timing: Timing, progress: Progress) -> Answered:
        manifest = verify_runnable(variant.path)
        job = new_job(variant, timing)
        session = PhoneSession(phone.udid, self._patience)
        progress(f"{variant}: copying to {phone}")
        session.push(variant.path, job)
        progress(f"{variant}: running on {phone}")
        session.run(job, longest_s(manifest, timing))
        progress(f"{variant}: copying back")
        with session.pulled(job) as folder:
            result = read_result(folder, job)
            return Answered(
                result, measured_of(variant.path, manifest, folder, result, timing, variant.runtime)
            )
