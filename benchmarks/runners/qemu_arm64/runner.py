"""This machine as if it had an arm64 processor: whether a bundle is right there, not how fast it is."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.fidelity import fidelity_of
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.latency.stage_names import StageName
from rapsam.benchmarks.measuring.records import now_utc
from rapsam.benchmarks.runners.base import Progress, Variant, Wanted
from rapsam.benchmarks.runners.qemu_arm64.environment import cannot_run, environment_places
from rapsam.benchmarks.runners.qemu_arm64.guest import Command, Guests, QemuCommand
from rapsam.benchmarks.runners.qemu_arm64.record import (
    EmulatedFacts,
    Tested,
    emulated_conditions,
    emulated_device,
    emulated_record,
)
from rapsam.benchmarks.runners.record_parts import app_facts, conditions_of
from rapsam.errors import InputError, RapSamError, UnavailableError, quoted, unknown_name
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.bundle.private_copy import load_graphs
from rapsam.export.bundle.seal import verify_runnable
from rapsam.export.parity.self_test import run_self_test

CPUS = {
    "cortex-a76": "with dot products of 8-bit integers, as phones have since 2018",
    "cortex-a53": "without them",
    "cortex-a710": "with products of matrices of 8-bit integers, and SVE 2",
}
"""qemu's names of processors for which runtimes have kernels of their own; the first is taken unless told."""
RUNTIMES = {"onnx": "ONNX Runtime", "tflite": "LiteRT", "executorch": "ExecuTorch"}
"""Format to runtime, as parity reports have it."""
PATIENCE_S = 3600.0
"""A graph of ours that takes 10 ms on a phone takes some seconds here, the largest some minutes."""
_VERSION_S = 30.0
_VERSION = re.compile(r"version ([0-9.]{1,20})")


class QemuArm64Runner:
    """Runs self-tests in an emulated environment.

    Args:
        patience_s: Seconds for one run of a graph, after which its process counts as hung.
        command_for: Makes what makes command lines, of the name of a processor.
    """

    name = "qemu-arm64"

    def __init__(
        self, patience_s: float = PATIENCE_S, command_for: Callable[[str], Command] = QemuCommand
    ) -> None:
        self._patience_s = patience_s
        self._command_for = command_for

    def unavailable(self, device: str | None) -> str | None:
        """See `DeviceRunner.unavailable`. A device is a processor that qemu knows."""
        if device is not None and device not in CPUS:
            return f"{quoted(device)} is not a processor that is known here; expected {', '.join(CPUS)}"
        return cannot_run()

    def variants(self, wanted: Wanted, device: str | None) -> tuple[Variant, ...]:
        """See `DeviceRunner.variants`. A bundle has one: its format has one runtime."""
        del device
        if wanted.threads is not None:
            raise InputError(
                f"--threads {quoted(wanted.threads)}; expected none: nothing is timed on {self.name}"
            )
        return tuple(Variant(path, _runtime(path, wanted.runtime), None) for path in wanted.paths)

    def stages(self, path: Path) -> tuple[StageName, ...]:
        """See `DeviceRunner.stages`."""
        del path
        return ()  # nothing is timed

    def measure(
        self,
        variants: Sequence[Variant],
        timing: Timing,
        device: str | None,
        command: str,
        progress: Progress,
    ) -> tuple[LatencyRecord, ...]:
        """See `DeviceRunner.measure`. Nothing is timed, whatever `timing` says."""
        cpu = device or next(iter(CPUS))
        facts = EmulatedFacts(
            created_utc=now_utc(),
            device=emulated_device(cpu),
            app=app_facts(),
            conditions=emulated_conditions(conditions_of(timing, command, len(variants))),
            qemu=_qemu_version(),
        )
        return tuple(
            emulated_record(facts, variant, self._tested(variant, self._command_for(cpu), progress))
            for variant in variants
        )

    def _tested(self, variant: Variant, command: Command, progress: Progress) -> Tested | str:
        """Runs a self-test; says why it did not come so far."""
        try:
            manifest = verify_runnable(variant.path)
            backend = RECIPES[manifest.recipe].backend
            with Guests(
                backend,
                variant.runtime,
                command,
                self._patience_s,
                lambda line: progress(f"{variant}: {line}"),
            ) as guests:
                runners = load_graphs(guests.runtime, variant.path, manifest)
                rows = run_self_test(variant.path, manifest, guests.runtime, runners)
                # What a guest did not answer is no wrong answer.
                fidelity = fidelity_of(rows) if guests.problem is None else None
                return Tested(manifest, guests.described, fidelity, guests.problem)
        except RapSamError as error:
            return str(error)
        except OSError as error:
            return f"cannot read {variant.path}: {error.strerror or error}"


def _runtime(path: Path, wanted: str | None) -> str:
    """Returns the runtime of a bundle."""
    if path.is_file():
        raise InputError(
            f"{path} is a bare file, which has nothing to be compared with, and nothing is timed under qemu; "
            "expected the folder of a bundle"
        )
    backend = RECIPES[verify_runnable(path).recipe].backend
    if backend not in RUNTIMES:
        raise UnavailableError(
            f"{path} is of the target {backend}, which no runtime for arm64 Linux takes; expected one of "
            f"{', '.join(RUNTIMES)}"
        )
    name = RUNTIMES[backend]
    if wanted not in (None, name):
        raise unknown_name("runtime", wanted or "", (name,))
    return name


def _qemu_version() -> str | None:
    """Asks qemu for its version; None if it cannot be asked."""
    try:
        command = [str(environment_places().program), "--version"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_VERSION_S)
    except (OSError, RapSamError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stdout)
    return match[1] if match else None
