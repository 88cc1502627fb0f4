"""Records that nobody measured, for tests of what is made from records."""

from __future__ import annotations

from rapsam.benchmarks.measuring.records import SCHEMA_VERSION, now_utc
from rapsam.benchmarks.studies.export_matrix import ExportRecord
from rapsam.benchmarks.studies.few_bits_records import FewBits, FewBitsRow, GraphRow, Loss, Times
from rapsam.benchmarks.studies.sam_format_records import SamFormatRow
from rapsam.benchmarks.studies.sam_speed_records import SamSpeedRun, StageBeside
from rapsam.benchmarks.studies.speed_records import (
    FullExport,
    SpeedRecords,
    SpeedRun,
    Subject,
    Timing,
    quartiles,
)
from rapsam.export.build.source import source_sha256
from rapsam.machine import this_machine


def _exported():
    """What every record of an export has."""
    return {
        "created_utc": now_utc(),
        "machine": this_machine(),
        "provenance": "measured",
        "weights": "formula (untrained)",
        "tool_versions": {},
        "export_s": 12.3,
        "peak_rss_mb": 700,
        "failures": (),
        "benign": (),
    }


def export_record(**changes):
    fields = {
        **_exported(),
        "model": "rapsam_nano",
        "recipe": "coreml-fp16-ios17",
        "size": (640, 640),
        "graphs_mb": {"encoder": 7.5, "prompt": 2.25},
        "runtimes": (),
        "not_run": ("Core ML: not run: needs macOS",),
        "status": "not run",
        "min_cosine": None,
        "min_object_iou": None,
        "min_prompt_iou": None,
        "min_pq": None,
    }
    return ExportRecord(**{**fields, **changes})


def timing(contender, graph="", ms=None, count=1, macs=None, **changes):
    subject = Subject(contender=contender, graph=graph, num_prompts=count)
    fields = {"not_run": None if ms else "no compiler", "macs": macs, "peak_rss_mb": 300, "note": ""}
    return Timing(subject=subject, ms=quartiles([ms / 1e3]) if ms else None, **{**fields, **changes})


def run_of(group, *timings, model="rapsam_r18", **changes):
    fields = {
        "created_utc": now_utc(),
        "machine": this_machine(),
        "model": model,
        "weights": "formula",
        "size": (640, 640),
        "threads": 2,
        "rounds": 3,
        "group": group,
        "load_average": 0.25,
        "source_sha256": source_sha256(),
        "tool_versions": {},
        "timings": timings,
    }
    return SpeedRun(**{**fields, **changes})


def export_of(model, size=(640, 640), **changes):
    fields = {"created_utc": now_utc(), "machine": this_machine(), "statuses": {"onnx": "passed"}}
    fields["source_sha256"] = source_sha256()
    return FullExport(model=model, size=size, seconds=180, peak_rss_mb=2048, **{**fields, **changes})


def records_of(*runs, exports=()):
    return SpeedRecords(schema_version=SCHEMA_VERSION, command="measure", runs=runs, exports=exports)


def loss_of(figure, points, standard_error=0.05):
    return Loss(
        figure=figure,
        value=0.5 - points / 100,
        reference=0.5,
        points=points,
        standard_error=standard_error,
    )


def graph_of(graph, ratio=None, *, size=300_000, precision="w8a8", why=""):
    times = ratio and Times(ms=100 * ratio, float_ms=100, ratio=ratio)
    return GraphRow(
        graph=graph, precision=precision, why=why, size_bytes=size, float_bytes=1_000_000, times=times
    )


def few_bits_row(target="onnx", precision="w8a8", model="rapsam_nano", **changes):
    fields = {
        "name": f"{target}-{precision}",
        "created_utc": now_utc(),
        "machine": this_machine(),
        "provenance": "measured",
        "runtime": "ONNX Runtime",
        "weights": "nano-synth",
        "recipe": f"{target}-{precision}",
        "size": (256, 256),
        "calibration": "drawn, 64 images",
        "parity": "passed",
        "images": 300,
        "losses": tuple(loss_of(figure, 0.1) for figure in ("pq", "click", "box")),
        "graphs": (graph_of("encoder", 0.4), graph_of("prompt", 0.95, precision="w8", why="no gain")),
        "load_average": 0.5,
        "source_sha256": source_sha256(),
        "tool_versions": {},
    }
    return FewBitsRow(target=target, precision=precision, model=model, **{**fields, **changes})


def few_bits_of(*rows, **changes):
    return FewBits(schema_version=SCHEMA_VERSION, command="measure", rows=rows, **changes)


def sam_speed_run(model, ratio):
    beside = StageBeside(
        stage="graph encoder", beside="their encoder", ms=90.0, beside_ms=100.0, ratio=ratio, limit=0.9
    )
    click = StageBeside(
        stage="click prompt", beside="end_to_end prompt", ms=1.0, beside_ms=9.0, ratio=0.1, limit=None
    )
    return SamSpeedRun(
        created_utc="2026-01-02T03:04:05+00:00",
        machine=this_machine(),
        model=model,
        recipe="onnx-fp32",
        size=(1024, 1024),
        threads=2,
        rounds=3,
        load_average=0.5,
        tool_versions={},
        macs={"encoder": (113_300_000_000, 113_200_000_000)},
        stages=(beside, click),
    )


def sam_format_row(**changes):
    fields = {
        **_exported(),
        "model": "edge_sam",
        "recipe": "onnx-fp16",
        "size": (1024, 1024),
        "graphs_mb": {"encoder": 7.5, "decoder": 2.25},
        "shares": {},
        "runtimes": ("ONNX Runtime",),
        "not_run": (),
        "status": "passed",
        "exact": False,
        "least_sqnr_db": 50.0,
        "mean_iou": 0.99,
        "least_iou": 0.98,
        "least_iou_image": "tall",
        "images": {"tall": (1280, 600)},
        "prompts": 5,
    }
    return SamFormatRow(**{**fields, **changes})
