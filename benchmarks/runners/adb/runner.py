"""Timing on an Android phone over adb."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.latency.stage_names import StageName, graph_stages
from rapsam.benchmarks.measuring.records import now_utc
from rapsam.benchmarks.runners.adb.attempt import Attempt, MakeProgram, bring_tools, tools_of
from rapsam.benchmarks.runners.adb.program import android_program
from rapsam.benchmarks.runners.adb.record import AdbFacts, adb_record
from rapsam.benchmarks.runners.adb.units import UNITS, Unit
from rapsam.benchmarks.runners.adb.workload import SUFFIX
from rapsam.benchmarks.runners.android.device import Patience, meant_serial, open_device
from rapsam.benchmarks.runners.android.devices import find_device
from rapsam.benchmarks.runners.android.facts import read_facts, unknown_device
from rapsam.benchmarks.runners.android.tool import AdbTool, find_adb
from rapsam.benchmarks.runners.android.watching import Watch
from rapsam.benchmarks.runners.base import Progress, Variant, Wanted
from rapsam.benchmarks.runners.record_parts import app_facts, conditions_of
from rapsam.benchmarks.runners.threads import check_threads, thread_counts
from rapsam.errors import InputError, UnavailableError, quoted, unknown_name
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.backends.runtimes import THREADS
from rapsam.export.bundle.seal import verify_runnable

_ONNX = "onnx"
_ONNX_ONLY = (
    f"over adb only ONNX Runtime runs so far; expected a bundle of the target {_ONNX}, or an {SUFFIX} file: "
    f"export one, as with --target {_ONNX}, or measure a .tflite or .pte bundle in the sample app, with "
    "--on adb-app"
)


class AdbRunner:
    """Runs variants on an Android phone.

    Args:
        make: Makes the program for a device.
        patience: For when the device is lost.
        watch: How it is watched.
    """

    name = "adb"

    def __init__(
        self,
        make: MakeProgram = android_program,
        patience: Patience | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._make = make
        self._patience = patience or Patience()
        self._watch = watch or Watch()

    def unavailable(self, device: str | None) -> str | None:
        """See `DeviceRunner.unavailable`."""
        try:
            find_device(AdbTool(find_adb()), meant_serial(device))
        except UnavailableError as error:
            return str(error)
        return None

    def variants(self, wanted: Wanted, device: str | None) -> tuple[Variant, ...]:
        """See `DeviceRunner.variants`. Numbers of threads are powers of two, and that of all processors."""
        for path in wanted.paths:
            _check_subject(path)
        found = open_device(device, self._patience, _quiet)
        facts = read_facts(found)
        cores = facts.device.cores or THREADS
        check_threads(wanted, cores, found.serial)
        units: tuple[Unit, ...] = UNITS[:1]
        if wanted.all_units or wanted.runtime not in (None, UNITS[0].runtime):
            about = bring_tools(found, tools_of(self._make(facts.abis)), _quiet)
            units = tuple(unit for unit in UNITS if unit.reported in about.providers)
        return tuple(
            Variant(path, unit.runtime, count, wanted.shapes)
            for path in wanted.paths
            for unit in _wanted_units(units, wanted)
            for count in (thread_counts(wanted, cores) if unit.has_threads else (None,))
        )

    def stages(self, path: Path) -> tuple[StageName, ...]:
        """See `DeviceRunner.stages`."""
        return graph_stages(path)

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
        attempt = Attempt(variants, timing, self._make, self._watch, progress)
        try:
            attempt.run(open_device(device, self._patience, progress))
        except UnavailableError as error:
            attempt.fail(str(error))
        ran, about, facts = attempt.ran, attempt.about, attempt.facts
        common = AdbFacts(
            created_utc=created,
            device=unknown_device(meant_serial(device)) if facts is None else facts.device,
            app=app_facts(),
            conditions=conditions_of(timing, command, len(variants)),
            version=None if about is None else about.version,
            library_sha256=attempt.library_sha256,
            thermal=() if ran is None else ran.sensors.thermal,
            battery=() if ran is None else ran.sensors.battery,
            notes=tuple(attempt.notes),
            is_emulator=facts is not None and facts.is_emulator,
        )
        return tuple(
            adb_record(common, variant, attempt.found[number]) for number, variant in enumerate(variants)
        )


def _check_subject(path: Path) -> None:
    if path.is_dir():
        manifest = verify_runnable(path)
        backend = RECIPES[manifest.recipe].backend
        if backend != _ONNX:
            raise UnavailableError(f"{path} is of the target {backend}; {_ONNX_ONLY}")
    elif not path.is_file():
        raise InputError(f"{path} does not exist; expected a bundle's folder, or a file of a graph")
    elif path.suffix != SUFFIX:
        raise UnavailableError(f"{path} ends in {quoted(path.suffix)}; {_ONNX_ONLY}")


def _wanted_units(units: tuple[Unit, ...], wanted: Wanted) -> tuple[Unit, ...]:
    known = {unit.runtime: unit for unit in units}
    if wanted.runtime is None:
        return units
    if wanted.runtime not in known:
        raise unknown_name("runtime", wanted.runtime, known)
    return (known[wanted.runtime],)


def _quiet(line: str) -> None:
    del line
