"""Exports models for all formats, each in a process of its own, and records size, time, memory and parity.

    python -m rapsam.benchmarks.studies.export_matrix

A record that is already in the results file is kept: an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

import msgspec

from rapsam.benchmarks.measuring.records import (
    RESULTS,
    SCHEMA_VERSION,
    Versioned,
    now_utc,
    records_or,
    write_records,
)
from rapsam.benchmarks.measuring.timing import in_own_process, peak_rss_mb
from rapsam.machine import Machine, this_machine

FILE = RESULTS / "export_matrix.json"
COMMAND = "python -m rapsam.benchmarks.studies.export_matrix"
# What to load into each network: only one has learnt anything.
CHECKPOINTS = {"rapsam_nano": "nano-synth", "rapsam_r18": "formula", "rapsam_r50": "formula"}
TARGETS = ("onnx", "tflite", "executorch", "coreml")
PRECISIONS = ("fp32", "fp16")
LARGE, SMALL = (640, 640), (512, 512)


class ExportRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle, exported and compared with the reference.

    Attributes:
        created_utc: When, ISO 8601.
        machine: Where.
        provenance: Whether the parity figures come from a real runtime.
        model: Variant.
        weights: Where the weights come from.
        recipe: Recipe.
        size: Image height and width.
        tool_versions: Packages that lowered the graphs.
        export_s: Seconds for lowering, golden files and parity, in a process of its own.
        peak_rss_mb: Largest resident memory of that process, MiB.
        graphs_mb: MB (10^6 bytes) per graph.
        runtimes: Runtimes that ran; without any the parity is unknown.
        not_run: Runtimes that did not, with reasons.
        status: Verdict of parity.
        min_cosine: Worst output tensor over runtimes and inputs; None if nothing ran.
        min_object_iou: Worst mean IoU of matched object masks.
        min_prompt_iou: Worst mean IoU of prompt masks.
        min_pq: Worst panoptic quality against the reference, 0..1.
        failures: What missed its gate.
        benign: What missed it where rounding alone decides; the worst figures leave these rows out.
    """

    created_utc: str
    machine: Machine
    provenance: Literal["measured", "emulated"]
    model: str
    weights: str
    recipe: str
    size: tuple[int, int]
    tool_versions: dict[str, str]
    export_s: float
    peak_rss_mb: int
    graphs_mb: dict[str, float]
    runtimes: tuple[str, ...]
    not_run: tuple[str, ...]
    status: str
    min_cosine: float | None
    min_object_iou: float | None
    min_prompt_iou: float | None
    min_pq: float | None
    failures: tuple[str, ...]
    benign: tuple[str, ...]


class ExportRecords(Versioned, frozen=True, kw_only=True):
    """Content of `results/export_matrix.json`."""

    records: tuple[ExportRecord, ...]


def main() -> None:
    """Measures every combination that the results file lacks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=CHECKPOINTS, default=list(CHECKPOINTS))
    parser.add_argument("--targets", nargs="+", default=list(TARGETS))
    parser.add_argument("--one", metavar="JSON", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(msgspec.json.encode(measure(*json.loads(options.one))).decode())
        return
    records = list(known_records().records)
    wanted = list(itertools.product(options.models, options.targets, PRECISIONS, (LARGE,)))
    wanted += [
        (model, target, "fp16" if target == "coreml" else "fp32", SMALL)
        for model, target in itertools.product(options.models, options.targets)
    ]
    for place, (model, target, precision, size) in enumerate(wanted, start=1):
        known = {(r.model, r.recipe.split("-ios")[0], r.size) for r in records}
        if (model, f"{target}-{precision}", size) in known:
            continue
        print(f"{place}/{len(wanted)} {model} {target} {precision} {size}", file=sys.stderr, flush=True)
        records.append(_measure_in_own_process(model, target, precision, size))
        write_records(
            FILE, ExportRecords(schema_version=SCHEMA_VERSION, command=COMMAND, records=tuple(records))
        )


def known_records(path: Path = FILE) -> ExportRecords:
    """Reads what has been measured; nothing if there is no file yet."""
    return records_or(path, ExportRecords(schema_version=SCHEMA_VERSION, command=COMMAND, records=()))


def measure(model_name: str, target: str, precision: str, size: tuple[int, int]) -> ExportRecord:
    """Exports one bundle into a folder that is removed, and records it."""
    import rapsam

    model = rapsam.build_model(model_name, checkpoint=CHECKPOINTS[model_name])
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        manifest, report = rapsam.export_bundle(
            model, Path(scratch) / "bundle", target=target, precision=precision, size=(size[0], size[1])
        )
    seconds = time.perf_counter() - start
    compared = [row for row in report.tasks if row.status != "not run"]
    # Where rounding alone decides, a figure says nothing of the artifact.
    judged = [row for row in compared if row.status not in ("benign", "not meaningful")]
    return ExportRecord(
        created_utc=now_utc(),
        machine=this_machine(),
        provenance="emulated"
        if compared and all(r.provenance == "emulated" for r in compared)
        else "measured",
        model=model_name,
        weights=str(manifest.model.weights),
        recipe=manifest.recipe,
        size=manifest.preprocess.size,
        tool_versions=manifest.graphs[0].tool_versions,
        export_s=round(seconds, 1),
        peak_rss_mb=peak_rss_mb(),
        graphs_mb={g.contract.graph: round(g.size_bytes / 1e6, 2) for g in manifest.graphs},
        runtimes=tuple(dict.fromkeys(row.runtime for row in compared)),
        not_run=report.not_run(),
        status=report.status,
        min_cosine=_worst([row.cosine for row in report.tensors]),
        min_object_iou=_worst([row.mask_iou for row in judged if row.task == "objects"]),
        min_prompt_iou=_worst([row.mask_iou for row in judged if row.task == "prompt"]),
        min_pq=_worst([row.pq for row in judged]),
        failures=report.failures(),
        benign=report.lines("benign"),
    )


def _measure_in_own_process(model: str, target: str, precision: str, size: tuple[int, int]) -> ExportRecord:
    call = [model, target, precision, size]
    return in_own_process("rapsam.benchmarks.studies.export_matrix", call, ExportRecord)


def _worst(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return min(known) if known else None


if __name__ == "__main__":
    main()
