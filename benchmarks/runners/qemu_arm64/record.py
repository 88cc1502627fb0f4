"""The record of a run in the emulated environment: whether it was right there. It has no times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from rapsam.benchmarks.latency.facts import AppFacts, Conditions, DeviceFacts, RuntimeFacts
from rapsam.benchmarks.latency.job import NOTHING, Measured
from rapsam.benchmarks.latency.record import Fidelity, LatencyRecord
from rapsam.benchmarks.runners.base import Variant
from rapsam.benchmarks.runners.graph_parts import untimed_entry
from rapsam.benchmarks.runners.qemu_arm64.guest import Description
from rapsam.benchmarks.runners.record_parts import RunFacts, record_of
from rapsam.export.bundle.manifest import Manifest

RUNNER = "qemu-arm64"
NO_TIMES = (
    "arm64 programs under qemu tell what a phone's kernels compute, not how long they take: no time is told"
)
_ORDER = "one after another"
_INPUT = "the cases of the self-test"


class Tested(NamedTuple):
    """What came of a run that began.

    Attributes:
        manifest: Of the bundle.
        described: What the guests say, by graph.
        fidelity: What the self-test gave; None if it could not end.
        problem: Why a guest ended; None if none has.
    """

    manifest: Manifest
    described: Mapping[str, Description]
    fidelity: Fidelity | None
    problem: str | None


class EmulatedFacts(NamedTuple):
    """What all records of one command share; see `LatencyRecord`.

    Attributes:
        qemu: Its version; None if it cannot be asked.
    """

    created_utc: str
    device: DeviceFacts
    app: AppFacts
    conditions: Conditions
    qemu: str | None


def emulated_device(cpu: str) -> DeviceFacts:
    """Describes the processor that is imitated; the machine below it decides nothing that is recorded.

    Args:
        cpu: qemu's name of it.
    """
    unknown: dict[str, Any] = dict.fromkeys(DeviceFacts.__struct_fields__)
    unknown |= {"platform": "linux", "soc": f"{cpu}, emulated"}
    return DeviceFacts(**unknown)


def emulated_conditions(conditions: Conditions) -> Conditions:
    """Says how variants are run here, where none takes turns."""
    return msgspec.structs.replace(conditions, order=_ORDER)


def emulated_record(facts: EmulatedFacts, variant: Variant, found: Tested | str) -> LatencyRecord:
    """Puts together the record of a variant.

    Args:
        facts: Of the command.
        variant: What was run.
        found: What came of it, or why nothing did.
    """
    tested = None if isinstance(found, str) else found
    described = {} if tested is None else tested.described
    first = next(iter(described.values()), None)
    versions = {} if first is None else dict(first.versions)
    run = RunFacts(
        runner=RUNNER,
        provenance="emulated",
        created_utc=facts.created_utc,
        device=facts.device if first is None else _as_told(facts.device, first),
        app=facts.app,
        runtime=RuntimeFacts(
            name=variant.runtime,
            version=next(iter(versions.values()), None),  # the script names the runtime's package first
            versions=versions | ({} if facts.qemu is None else {"qemu": facts.qemu}),
            binary_sha256=None,
        ),
        path=variant.path,
        requested=variant.runtime,
        threads=None,
        cpus=None,
        conditions=facts.conditions,
    )
    measured = msgspec.structs.replace(NOTHING, input=_INPUT, notes=(NO_TIMES,))
    if tested is None:
        return record_of(run, measured, str(found))
    # A guest that ended says more than the outputs that are missing for it.
    return record_of(run, _with_answers(measured, tested), tested.problem)


def _with_answers(measured: Measured, tested: Tested) -> Measured:
    described = tested.described
    return msgspec.structs.replace(
        measured,
        graphs=tuple(
            untimed_entry(entry, described[entry.contract.graph].units)
            for entry in tested.manifest.graphs
            if entry.contract.graph in described
        ),
        fidelity=tested.fidelity,
        input_shape=(1, 3, *tested.manifest.preprocess.size),
    )


def _as_told(device: DeviceFacts, guest: Description) -> DeviceFacts:
    return msgspec.structs.replace(device, os=f"Linux {guest.machine}, emulated")
