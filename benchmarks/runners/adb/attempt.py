"""One command on one device: all that is found out, and why what is missing is missing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.job import Measured
from rapsam.benchmarks.latency.stage_names import check_stages, graph_stages
from rapsam.benchmarks.runners.adb.answers import Reader
from rapsam.benchmarks.runners.adb.job_files import DeviceRun, job_items
from rapsam.benchmarks.runners.adb.ort_library import LIBRARY
from rapsam.benchmarks.runners.adb.program import PROGRAM, DeviceProgram
from rapsam.benchmarks.runners.adb.session import About, Ran, ask_about, run_job, stop
from rapsam.benchmarks.runners.adb.units import UNITS
from rapsam.benchmarks.runners.adb.workload import Workload, workload_of
from rapsam.benchmarks.runners.android.device import AdbDevice, loss_notes
from rapsam.benchmarks.runners.android.facts import AndroidFacts, read_facts
from rapsam.benchmarks.runners.android.transfer import Item, bring, folder_for, remove
from rapsam.benchmarks.runners.android.watching import Watch, cool_down, heat_notes
from rapsam.benchmarks.runners.base import Progress, Variant
from rapsam.benchmarks.runners.replayed import remote_runtime
from rapsam.errors import RapSamError
from rapsam.export.backends.runtimes import THREADS
from rapsam.files import sha256_of, size_of

MakeProgram = Callable[[Sequence[str]], DeviceProgram]
"""Makes the program for a device that runs these binary interfaces, preferred first."""
_UNIT_OF = {unit.runtime: unit for unit in UNITS}


class Attempt:
    """Runs variants on a device.

    Args:
        variants: What to run.
        timing: How.
        make: Makes the program.
        watch: How the device is watched.
        progress: Told every step.

    Attributes:
        found: Number of a variant to what came of it, or why nothing did; all are there at the end.
        facts: Of the device; None if it never told.
        about: Of ONNX Runtime there; None if it never told.
        library_sha256: Digest of its library.
        ran: What was seen while the program ran; None if it never ended.
        notes: What a reader of the figures must know.
    """

    def __init__(
        self,
        variants: Sequence[Variant],
        timing: Timing,
        make: MakeProgram,
        watch: Watch,
        progress: Progress,
    ) -> None:
        self.found: dict[int, Measured | str] = {}
        self.facts: AndroidFacts | None = None
        self.about: About | None = None
        self.library_sha256: str | None = None
        self.ran: Ran | None = None
        self.notes: list[str] = []
        self._variants = variants
        self._timing = timing
        self._make = make
        self._watch = watch
        self._progress = progress

    def run(self, device: AdbDevice) -> None:
        """Does all of it; whatever goes wrong is what was found."""
        try:
            self._run(device)
        except RapSamError as error:
            self.fail(str(error))
        self.notes += loss_notes(device.losses, "in this command; what ran on the device meanwhile went on")

    def fail(self, reason: str) -> None:
        """Says why nothing came of those of which nothing is known yet."""
        for number in range(len(self._variants)):
            self.found.setdefault(number, reason)

    def _run(self, device: AdbDevice) -> None:
        self.facts = read_facts(device)
        self._progress(f"{device.serial}: making the program; the first time ONNX Runtime is fetched for it")
        program = self._make(self.facts.abis)
        self.library_sha256 = sha256_of(program.library)
        self.notes.append(
            f"the program, sha256 {sha256_of(program.executable)[:16]}, was compiled by {program.built_by}; "
            f"the device runs {', '.join(self.facts.abis)}"
        )
        self.notes.append(self.facts.screen_note)
        runs = self._prepared()
        if not runs:
            return
        items, folders = tools_of(program), list[str]()
        tools = folder_for(items)
        folders.append(tools)
        try:
            self.about = bring_tools(device, items, self._progress)
            with tempfile.TemporaryDirectory() as scratch:
                library = f"{tools}/{LIBRARY}"
                files = job_items([*runs.values()], self._timing, self._watch.hang_s, library, Path(scratch))
                folders.append(folder_for(files))
                stop(device, folders[-1])
                bring(device, folders[-1], files, self._progress)
            self._measure(device, tools, folders[-1], runs)
        finally:
            # Of a device that is lost what it holds is used again by the next command.
            if not device.is_lost:
                remove(device, *folders)

    def _prepared(self) -> dict[int, DeviceRun]:
        """Reads what variants run; one that cannot be read leaves the others."""
        loads: dict[Path, Workload] = {}
        runs: dict[int, DeviceRun] = {}
        for number, variant in enumerate(self._variants):
            try:
                if variant.path not in loads:
                    loads[variant.path] = workload_of(variant.path, dict(variant.shapes))
                load = loads[variant.path]
                check_stages(variant.path.name, graph_stages(variant.path), self._timing.stages)
                stages = tuple(each for each in load.stages if each.name.is_wanted(self._timing.stages))
            except RapSamError as error:
                self.found[number] = str(error)
                continue
            threads = THREADS if variant.threads is None else variant.threads
            runs[number] = DeviceRun(load, _UNIT_OF[variant.runtime].provider, threads, stages)
        return runs

    def _measure(self, device: AdbDevice, tools: str, folder: str, runs: dict[int, DeviceRun]) -> None:
        self.notes.append(cool_down(device, self._watch, self._progress))
        ran = run_job(device, tools, folder, self._timing, len(runs), self._watch, self._progress)
        self.ran, reader = ran, Reader(device, folder)
        self.notes += heat_notes(ran.sensors.hottest)
        for place, (number, run) in enumerate(runs.items()):
            reason, name = ran.reasons[place], self._variants[number].runtime
            if reason is not None:
                self.found[number] = reason
                continue
            self._progress(f"{device.serial}: reading results of variant {place}")
            try:
                self.found[number] = reader.measured(place, run, self._timing, remote_runtime(name))
            except RapSamError as error:
                if device.is_lost:
                    raise
                self.found[number] = str(error)


def tools_of(program: DeviceProgram) -> list[Item]:
    """Lists what a device needs whatever it runs."""
    files = ((PROGRAM, program.executable), (LIBRARY, program.library))
    return [Item(name, path, sha256_of(path), size_of(path)) for name, path in files]


def bring_tools(device: AdbDevice, items: Sequence[Item], progress: Progress) -> About:
    """Brings program and library to the device, and asks what they can do there.

    Raises:
        UnavailableError: If they do not work there.
    """
    folder = folder_for(items)
    bring(device, folder, items, progress)
    return ask_about(device, folder)
