"""The record of a run in a browser: what the page told, and what this toolkit knows of the bundle."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from rapsam.benchmarks.latency import bundle_subject
from rapsam.benchmarks.latency.facts import Conditions, GraphRun, RuntimeFacts, Timing
from rapsam.benchmarks.latency.job import NOTHING, Measured
from rapsam.benchmarks.latency.record import LatencyRecord, StageTimes
from rapsam.benchmarks.latency.stage_names import StageName
from rapsam.benchmarks.latency.stage_times import stage_times, sustained_seconds
from rapsam.benchmarks.latency.untimed_graph import untimed_graph
from rapsam.benchmarks.measuring.records import now_utc
from rapsam.benchmarks.runners.base import Variant
from rapsam.benchmarks.runners.browser.identity import Browser, browser_of, device_facts
from rapsam.benchmarks.runners.browser.plan import (
    WEBGPU,
    BrowserRuntime,
    Subject,
    find_browser_runtime,
)
from rapsam.benchmarks.runners.browser.sent import Outputs, sent_fidelity
from rapsam.benchmarks.runners.browser.told import PageRecord, ToldDevice, ToldGraph, ToldStage
from rapsam.benchmarks.runners.record_parts import RunFacts, app_facts, conditions_of, record_of, record_text
from rapsam.files import sha256_of, size_of
from rapsam.web.node_packages import package_folder

NAME = "browser"
_FILE_INPUT = "made-up numbers from 0 to 1, zeros for integers"


class Run(NamedTuple):
    """What all records of one command share; see `LatencyRecord`."""

    created_utc: str
    conditions: Conditions


def new_run(timing: Timing, command: str, variants: int) -> Run:
    """Describes a run that begins now.

    Args:
        timing: The protocol.
        command: What measures.
        variants: How many take turns.
    """
    return Run(now_utc(), conditions_of(timing, command, variants))


def browser_record(
    run: Run,
    variant: Variant,
    subject: Subject,
    device: ToldDevice | None,
    told: PageRecord,
    outputs: Outputs,
) -> LatencyRecord:
    """Puts together the record of a variant.

    Args:
        run: What the records of the command share.
        variant: What was run.
        subject: What it was run on.
        device: What the browser told of itself; None where none came.
        told: What the page told of the variant; it fits the subject.
        outputs: Of the self-test.
    """
    runtime = find_browser_runtime(variant.runtime)
    measured = (
        NOTHING
        if told.failed is not None
        else _measured(run.conditions.timing, subject, runtime, told, outputs)
    )
    browser = None if device is None else browser_of(device)
    notes = tuple(map(record_text, _notes(variant, runtime, browser, device, told)))
    facts = RunFacts(
        runner=NAME,
        provenance="measured",
        created_utc=run.created_utc,
        device=device_facts(device),
        app=app_facts(),
        runtime=_runtime_facts(runtime, browser),
        path=subject.path,
        requested=_requested(runtime, variant.threads),
        threads=told.threads,
        cpus=None,
        conditions=run.conditions,
    )
    return record_of(facts, msgspec.structs.replace(measured, notes=notes), told.failed)


def _measured(
    timing: Timing, subject: Subject, runtime: BrowserRuntime, told: PageRecord, outputs: Outputs
) -> Measured:
    is_bundle = subject.manifest is not None
    first = subject.contracts[0].inputs[0].shape
    return Measured(
        graphs=tuple(_graph(subject, graph) for graph in told.graphs),
        stages=tuple(_stage(timing, stage, told) for stage in told.stages),
        sustained=told.sustained or None,
        memory=None,
        thermal=None,
        battery=told.battery or None,
        fidelity=sent_fidelity(subject, runtime, outputs),
        input=bundle_subject.INPUT if is_bundle else _FILE_INPUT,
        input_sha256=_scene_sha256() if is_bundle else None,
        input_shape=first,
        notes=(),
    )


def _graph(subject: Subject, told: ToldGraph) -> GraphRun:
    entries = {} if subject.manifest is None else {e.contract.graph: e for e in subject.manifest.graphs}
    entry = entries.get(told.graph)
    untimed = untimed_graph(
        told.graph,
        file=record_text(subject.path.name if entry is None else entry.path),
        sha256=sha256_of(subject.path) if entry is None else entry.sha256,
        size_bytes=size_of(subject.path) if entry is None else entry.size_bytes,
        reported=told.reported,
        delegation=None,  # what the manifest says of delegates is about the runtimes of apps
    )
    return msgspec.structs.replace(
        untimed,
        load_ms=told.load_ms,
        first_ms=told.first_ms,
        average_warmup_ms=told.average_warmup_ms,
        warmup_iters=told.warmup_iters,
        is_warm=told.is_warm,
    )


def _stage(timing: Timing, told: ToldStage, page: PageRecord) -> StageTimes:
    name = StageName(told.kind, told.of)
    return stage_times(name, told.mode, told.samples_ms, timing, sustained_seconds(page.sustained))


def _runtime_facts(runtime: BrowserRuntime, browser: Browser | None) -> RuntimeFacts:
    package = runtime.packages[0]
    binary = None if runtime.binary is None else package_folder(package) / runtime.binary
    versions = {package.name: package.version for package in runtime.packages}
    told = {} if browser is None or not browser.version else {browser.name: browser.version}
    return RuntimeFacts(
        name=runtime.name,
        version=package.version,
        versions={**versions, **told},
        binary_sha256=sha256_of(binary) if binary is not None and binary.is_file() else None,
    )


def _requested(runtime: BrowserRuntime, threads: int | None) -> str:
    return runtime.unit if threads is None else f"{runtime.unit}, {threads} thread{'s' * (threads > 1)}"


def _notes(
    variant: Variant,
    runtime: BrowserRuntime,
    browser: Browser | None,
    device: ToldDevice | None,
    told: PageRecord,
) -> Iterator[str]:
    if browser is None or device is None:
        return
    yield (
        f"ran in a browser, {browser.name} {browser.version}".rstrip()
        + ": these are no figures of an app on this device, which may be several times as fast"
    )
    secure, isolated = ("yes" if known else "no" for known in (device.is_secure, device.is_isolated))
    yield f"secure page: {secure}; cross-origin isolated: {isolated}; clock step {device.clock_step_ms:g} ms"
    yield f"the browser calls itself {device.user_agent}"
    if told.failed is None and variant.threads is not None and told.threads != variant.threads:
        yield f"{variant.threads} threads were asked for, and {told.threads} started"
    if told.failed is None and runtime.unit == WEBGPU:
        yield "operators that WebGPU lacks run in WebAssembly, and the runtime does not say how many"
    if told.was_hidden:
        yield "the page was in the background for a while: browsers slow such pages down"


@functools.cache
def _scene_sha256() -> str:
    return hashlib.sha256(bundle_subject.timed_scene().tobytes()).hexdigest()
