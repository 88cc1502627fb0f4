"""The tables of `runtime_speed`, on records that are made up."""

from __future__ import annotations

from rapsam.benchmarks.report.speed import NOTHING, speed_tables
from rapsam.benchmarks.studies.speed_records import IMAGE, SGEMM
from rapsam.export.build.source import source_sha256
from tests.benchmarks.made_up_records import export_of, records_of, run_of, timing


def test_tables_show_ratios_and_what_did_not_run():
    run = run_of(
        IMAGE,
        timing("published", IMAGE, 1500, macs=90_000),
        timing("onnx", IMAGE, 250, macs=20_000),
        timing("compiled", IMAGE),
        timing(SGEMM, ms=100, macs=10_000),
        timing("letterbox", ms=5),
    )
    growth = run_of("prompt_growth", *(timing("onnx", "prompt", 3.0 * k, k) for k in (1, 4, 16, 64)))
    text = speed_tables(records_of(run, growth, exports=(export_of("rapsam_r50"),)))
    row = next(line for line in text.splitlines() if line.startswith(f"| r18 640x640 | {IMAGE} |"))
    assert "1500 ms (1500..1500, 1x, 60%) | - | - | 250 ms (250..250, 0.167x, 80%) | - | - |" in row
    assert f"- r18 640x640, torch.compile, {IMAGE}, K = 1: not run: no compiler" in text
    assert "| r18 640x640 | ONNX Runtime | 3 | 12 | 48 | 192 |" in text
    assert "| r18 640x640 | pre-processing, 1280x960 photo | - | 5 | 2.0% |" in text
    assert f"| r18 | {IMAGE}, ONNX Runtime of eager un-rewritten | <= 0.55 | 0.167 | yes |" in text
    assert "180 s, 2048 MiB; parity: onnx passed" in text
    assert f"| r18 | {IMAGE}, LiteRT of eager un-rewritten | <= 0.65 | not measured | - |" in text
    assert f"load before a group at most 0.25, source {source_sha256()[:8]}, with `measure`." in text


def test_without_records_the_tables_say_so():
    assert speed_tables(records_of()) == NOTHING
