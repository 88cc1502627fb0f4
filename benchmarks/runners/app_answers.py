"""What an app left behind, which is not trusted: read within limits, then judged here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from rapsam.benchmarks.latency.facts import GraphRun, Timing
from rapsam.benchmarks.latency.fidelity import fidelity_of
from rapsam.benchmarks.latency.job import Measured
from rapsam.benchmarks.latency.record import StageTimes
from rapsam.benchmarks.latency.stage_names import StageName, bundle_stages
from rapsam.benchmarks.latency.stage_times import stage_times, sustained_seconds
from rapsam.benchmarks.runners.app_contract import (
    MAX_RESULT_BYTES,
    RESULT,
    SCHEMA_VERSION,
    AppGraph,
    AppJob,
    AppResult,
    output_file,
)
from rapsam.benchmarks.runners.graph_parts import untimed_entry
from rapsam.benchmarks.runners.record_parts import record_text
from rapsam.benchmarks.runners.replayed import ReplayedGraph, remote_runtime
from rapsam.contract import TensorSpec
from rapsam.errors import JSON_ERRORS, BundleError, UnavailableError, printable, quoted, shortened
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.bundle.golden import INDEX, MAX_INDEX_BYTES, GoldenIndex
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.parity.report import TensorParity
from rapsam.export.parity.self_test import run_self_test
from rapsam.tasks.arrays import Floats
from rapsam.untrusted import read_limited

_SHOWN = 300
_THERMAL = "heat as the system calls it, in order: {}"


class Answered(NamedTuple):
    """What an app answered, and what it comes to."""

    result: AppResult
    measured: Measured


def read_result(folder: Path, job: AppJob) -> AppResult:
    """Reads the result of a job.

    Raises:
        UnavailableError: If it is missing, damaged or another's, or the app says why there is none.
    """
    try:
        data = read_limited(folder / RESULT, MAX_RESULT_BYTES)
        result = msgspec.json.decode(data, type=AppResult)
    except OSError as error:
        raise UnavailableError(f"the app left no {RESULT}") from error
    except (BundleError, *JSON_ERRORS) as error:
        why = shortened(printable(str(error)), _SHOWN)
        raise UnavailableError(f"the app left a {RESULT} that is not understood: {why}") from error
    if (result.schema_version, result.run_id) != (SCHEMA_VERSION, job.run_id):
        raise UnavailableError(
            f"the app left the result of run {quoted(result.run_id)}, schema {result.schema_version}; "
            f"expected {job.run_id}, schema {SCHEMA_VERSION}: install the app of this toolkit's version"
        )
    if result.error is not None:
        raise UnavailableError(f"the app says: {result.error}")
    return result


def measured_of(
    bundle: Path, manifest: Manifest, folder: Path, result: AppResult, timing: Timing, runtime: str
) -> Measured:
    """Makes of a result, and of the outputs beside it, what a record says.

    Args:
        bundle: That ran.
        manifest: Of it, verified.
        folder: Where the result lies.
        result: It.
        timing: How it was to be timed.
        runtime: Name of the runtime.

    Raises:
        UnavailableError: If graphs, stages or outputs are not those of the bundle.
    """
    names = [entry.contract.graph for entry in manifest.graphs]
    if [graph.graph for graph in result.graphs] != names:
        raise UnavailableError(f"the app tells of {len(result.graphs)} graphs; expected {', '.join(names)}")
    graphs = tuple(
        _graph(untimed_entry(entry, told.reported), told)
        for entry, told in zip(manifest.graphs, result.graphs, strict=True)
    )
    stages = tuple(_stages(manifest, result, timing))
    rows = _rows(bundle, manifest, folder, remote_runtime(runtime))
    return Measured(
        graphs=graphs,
        stages=stages,
        sustained=result.sustained or None,
        memory=result.memory,
        thermal=None,
        battery=result.battery or None,
        fidelity=fidelity_of(rows),
        input=result.input,
        input_sha256=None,
        input_shape=(1, 3, *manifest.preprocess.size),
        notes=tuple(_notes(result)),
    )


def _notes(result: AppResult) -> Iterator[str]:
    yield record_text(f"app {result.app_version}")
    if result.thermal_states:
        yield record_text(_THERMAL.format(", ".join(result.thermal_states[:_SHOWN])))


def _graph(graph: GraphRun, told: AppGraph) -> GraphRun:
    return msgspec.structs.replace(graph, **msgspec.structs.asdict(told))


def _stages(manifest: Manifest, result: AppResult, timing: Timing) -> Iterator[StageTimes]:
    """Makes statistics of the samples; a stage that was wanted and is missing is an error."""
    wanted = [stage for stage in bundle_stages(manifest) if stage.is_wanted(timing.stages)]
    told = [StageName(stage.kind, stage.of) for stage in result.stages if stage.mode == "burst"]
    if told != wanted:
        raise UnavailableError(f"the app timed {len(told)} stages, or others than the {len(wanted)} wanted")
    for stage in result.stages:
        name = StageName(stage.kind, stage.of)
        if name not in wanted:
            raise UnavailableError(f"the app timed a stage {stage.kind} that was not wanted")
        yield stage_times(name, stage.mode, stage.samples_ms, timing, sustained_seconds(result.sustained))


def output_sizes(bundle: Path, manifest: Manifest) -> dict[str, int]:
    """Lists the files of outputs that an app must leave, with their bytes.

    Args:
        bundle: It.
        manifest: Of it, verified.
    """
    return {
        output_file(case, graph, place): 4 * spec.size
        for case in range(_cases(bundle))
        for graph, entry in enumerate(manifest.graphs)
        for place, spec in enumerate(entry.contract.outputs)
    }


def _cases(bundle: Path) -> int:
    index = msgspec.json.decode(read_limited(bundle / INDEX, MAX_INDEX_BYTES), type=GoldenIndex)
    return len(index.cases)


def _rows(bundle: Path, manifest: Manifest, folder: Path, runtime: Runtime) -> tuple[TensorParity, ...]:
    """Judges the outputs by the gates and excuses of every self-test."""
    # All are read before any is judged: one that is missing is no wrong answer.
    runners = {
        entry.contract.graph: ReplayedGraph(
            [
                {
                    spec.name: _output(folder / output_file(case, graph, place), spec)
                    for place, spec in enumerate(entry.contract.outputs)
                }
                for case in range(_cases(bundle))
            ]
        )
        for graph, entry in enumerate(manifest.graphs)
    }
    return run_self_test(bundle, manifest, runtime, runners)


def _output(path: Path, spec: TensorSpec) -> Floats:
    try:
        data = read_limited(path, 4 * spec.size)
    except (OSError, BundleError) as error:
        raise UnavailableError(
            f"the app left no output {spec.name!r} of the right size ({path.name})"
        ) from error
    if len(data) != 4 * spec.size:
        raise UnavailableError(
            f"the app left {len(data):,} bytes of output {spec.name!r}; expected {4 * spec.size:,}"
        )
    return np.frombuffer(data, "<f4").astype(np.float32).reshape(spec.shape)
