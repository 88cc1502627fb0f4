"""One run as it is compared: of a record, or of the parity report of a bundle, in the same words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rapsam.benchmarks.latency.names import device_name, run_name
from rapsam.benchmarks.latency.record import LatencyRecord, StageTimes
from rapsam.benchmarks.latency.record_file import read_latency_records
from rapsam.errors import InputError
from rapsam.export.build.finished import read_report
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.seal import verify_bundle
from rapsam.export.parity.report import ParityReport, Status, TaskParity, TensorParity


class Key(NamedTuple):
    """What two runs must share to be two measurements of one thing.

    The version of the runtime is not part of it, nor is the digest of the model: that they change is what
    one wants to compare.
    """

    model: str
    recipe: str | None
    shape: tuple[int, ...] | None
    runtime: str
    unit: str
    threads: int | None


class Place(NamedTuple):
    """Where figures come from: those of different places are never compared.

    Attributes:
        provenance: "measured", "emulated" or "estimated".
        runner: As in "local".
        device: What tells one device from another, but for its system, which may be upgraded.
        name: For people.
    """

    provenance: str
    runner: str
    device: tuple[object, ...]
    name: str

    def __str__(self) -> str:
        """Names it for people."""
        return f"{self.provenance} on {self.name}" if self.name else self.provenance


class Quality(NamedTuple):
    """How near something is to the reference; the worst of all inputs.

    Attributes:
        status: Of the worst input.
        figure: Ratio in dB, or IoU or PQ; None where nothing differs, or nothing could be compared.
    """

    status: Status
    figure: float | None


class Delegated(NamedTuple):
    """What a delegate takes of a graph: a share of the multiply-adds, and whether that is an estimate."""

    share: float
    provenance: str


class Run(NamedTuple):
    """One run.

    Attributes:
        key: What is run, and by what.
        place: Where.
        name: For people.
        file: Name of the bundle or file; tells runs with the same key apart.
        version: Of the runtime; None if it is not known.
        error: Why it failed; None if it did not.
        size_bytes: Of the model.
        stages: Times, by name and mode.
        turns: Among which they were divided.
        times_count: Whether there are enough of them.
        outputs: Ratios in dB, by graph and output.
        tasks: IoU or PQ, by task.
        delegated: By graph.
        images: Digest of the images that outputs and tasks were compared on, of a bundle; None of a record,
            whose images are those of its bundle.
    """

    key: Key
    place: Place
    name: str
    file: str
    version: str | None
    error: str | None
    size_bytes: int
    stages: Mapping[str, StageTimes]
    turns: int
    times_count: bool
    outputs: Mapping[str, Quality]
    tasks: Mapping[str, Quality]
    delegated: Mapping[str, Delegated]
    images: str | None = None


_WORST: tuple[Status, ...] = ("failed", "benign", "not meaningful", "not run", "passed")


def read_runs(path: Path) -> tuple[Run, ...]:
    """Reads what is to be compared.

    Args:
        path: A file of records, or a bundle: then the parity report that was made with it counts.

    Raises:
        BundleError: If a bundle is damaged.
        InputError: If it is neither, or a file does not hold latency records.
    """
    if not path.is_dir():
        return tuple(map(_run_of_record, read_latency_records(path)))
    manifest = verify_bundle(path)
    if manifest.parity is None:
        raise InputError(f"{path} was made without parity: there is nothing to compare; export it again")
    runs = tuple(_runs_of_report(path.absolute().name, manifest, read_report(path)))
    if not runs:
        raise InputError(f"{path} was run by nothing when it was made; export it where its format can be run")
    return runs


def _run_of_record(record: LatencyRecord) -> Run:
    device, model, valid = record.device, record.model, record.validity
    rows = record.fidelity.rows if record.fidelity else ()
    return Run(
        key=Key(
            model=model.file if model.name is None else model.name,
            recipe=model.recipe,
            shape=model.input_shape,
            runtime=record.runtime.name,
            unit=record.compute.requested,
            threads=record.compute.threads,
        ),
        place=Place(
            provenance=record.provenance,
            runner=record.runner,
            device=(device.platform, device.id, device.model, device.soc, device.cores),
            name=f"{device_name(device)}, {record.runner}",
        ),
        name=run_name(record),
        file=model.file,
        version=record.runtime.version,
        error=record.error,
        size_bytes=model.size_bytes,
        stages={_stage_name(stage): stage for stage in record.stages},
        turns=record.conditions.timing.rounds,
        times_count=valid is not None and valid.min_count_met and valid.min_duration_met,
        outputs=_worst((f"{row.graph}.{row.output}", row.status, row.sqnr_db) for row in rows),
        tasks={},
        delegated={
            graph.graph: Delegated(graph.delegated_mac_share, graph.delegate_provenance)
            for graph in record.graphs
            if graph.delegated_mac_share is not None and graph.delegate_provenance is not None
        },
    )


def _runs_of_report(file: str, manifest: Manifest, report: ParityReport) -> Iterator[Run]:
    """Returns a run for each runtime that the bundle was compared in."""
    rows = [row for row in (*report.tensors, *report.tasks) if row.status != "not run"]
    delegated = {
        graph.contract.graph: Delegated(graph.delegation.mac_share, graph.delegation.provenance)
        for graph in manifest.graphs
        if graph.delegation is not None
    }
    for runtime, provenance in dict.fromkeys((row.runtime, row.provenance) for row in rows):
        own = [row for row in rows if (row.runtime, row.provenance) == (runtime, provenance)]
        tensors = [row for row in own if isinstance(row, TensorParity)]
        tasks = [row for row in own if isinstance(row, TaskParity)]
        yield Run(
            key=Key(
                model=manifest.model.name,
                recipe=manifest.recipe,
                shape=tuple(manifest.preprocess.size),
                runtime=runtime,
                unit=runtime,
                threads=None,
            ),
            place=Place(provenance=provenance, runner="parity at export", device=(), name=""),
            name=f"{file}, {runtime}",
            file=file,
            version=None,
            error=None,
            size_bytes=sum(graph.size_bytes for graph in manifest.graphs),
            stages={},
            turns=1,
            times_count=False,
            outputs=_worst((f"{row.graph}.{row.output}", row.status, row.sqnr_db) for row in tensors),
            tasks=_worst((row.task, row.status, _task_figure(row)) for row in tasks),
            delegated=delegated,
            images=manifest.images_sha256,
        )


def _task_figure(row: TaskParity) -> float | None:
    return row.pq if row.mask_iou is None else row.mask_iou


def _stage_name(stage: StageTimes) -> str:
    return stage.name if stage.mode == "burst" else f"{stage.name}, sustained"


def _worst(rows: Iterable[tuple[str, Status, float | None]]) -> dict[str, Quality]:
    found: dict[str, list[Quality]] = {}
    for name, status, figure in rows:
        found.setdefault(name, []).append(Quality(status, figure))
    return {name: _worst_of(qualities) for name, qualities in found.items()}


def _worst_of(qualities: list[Quality]) -> Quality:
    status = next(status for status in _WORST if any(quality.status == status for quality in qualities))
    return Quality(status, min((q.figure for q in qualities if q.figure is not None), default=None))
