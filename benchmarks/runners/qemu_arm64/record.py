"""The record of a run in the emulated environment: whether it was right there. It has no times."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from rapsam.benchmarks.latency.facts import (
    AppFacts,
    ComputeFacts,
    Conditions,
    DeviceFacts,
    RuntimeFacts,
)
from rapsam.benchmarks.latency.fidelity import fidelity_error
from rapsam.benchmarks.latency.record import SCHEMA_VERSION, Fidelity, LatencyRecord
from rapsam.benchmarks.runners.base import Variant
from rapsam.benchmarks.runners.graph_parts import untimed_graph
from rapsam.benchmarks.runners.qemu_arm64.guest import Description
from rapsam.benchmarks.runners.record_parts import model_facts, record_text
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
    """Says what is run instead of what is timed elsewhere."""
    return msgspec.structs.replace(conditions, order=_ORDER, input=_INPUT)


def emulated_record(facts: EmulatedFacts, variant: Variant, found: Tested | str) -> LatencyRecord:
    """Puts together the record of a variant.

    Args:
        facts: Of the command.
        variant: What was run.
        found: What came of it, or why nothing did.
    """
    tested = None if isinstance(found, str) else found
    fidelity = None if tested is None else tested.fidelity
    error = _error(found)
    described = {} if tested is None else tested.described
    first = next(iter(described.values()), None)
    versions = {} if first is None else dict(first.versions)
    version = next(iter(versions.values()), None)  # the script names the runtime's package first
    units = [unit for each in described.values() for unit in each.units or ()]
    return LatencyRecord(
        schema_version=SCHEMA_VERSION,
        run_id=uuid.uuid4().hex,
        created_utc=facts.created_utc,
        status="done" if error is None else "failed",
        error=None if error is None else record_text(error),
        runner=RUNNER,
        provenance="emulated",
        device=facts.device if first is None else _as_told(facts.device, first),
        app=facts.app,
        runtime=RuntimeFacts(
            name=variant.runtime,
            version=version,
            versions=versions | ({} if facts.qemu is None else {"qemu": facts.qemu}),
            binary_sha256=None,
        ),
        model=model_facts(variant.path, _shape(tested)),
        compute=ComputeFacts(
            requested=variant.runtime, reported=tuple(dict.fromkeys(units)) or None, threads=None, cpus=None
        ),
        conditions=facts.conditions,
        graphs=()
        if tested is None
        else tuple(
            untimed_graph(entry, described[entry.contract.graph].units)
            for entry in tested.manifest.graphs
            if entry.contract.graph in described
        ),
        stages=(),
        sustained=None,
        memory=None,
        thermal=None,
        battery=None,
        validity=None,
        fidelity=fidelity,
        notes=(NO_TIMES,),
    )


def _as_told(device: DeviceFacts, guest: Description) -> DeviceFacts:
    return msgspec.structs.replace(device, os=f"Linux {guest.machine}, emulated")


def _error(found: Tested | str) -> str | None:
    """Says why a run failed: a guest that ended says more than the outputs that are missing for it."""
    if isinstance(found, str):
        return found
    wrong = None if found.fidelity is None else fidelity_error(found.fidelity)
    return found.problem or wrong


def _shape(tested: Tested | None) -> tuple[int, ...] | None:
    return None if tested is None else (1, 3, *tested.manifest.preprocess.size)
