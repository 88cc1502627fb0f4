"""The table of `sam_speed`: promptable networks beside the exports of their authors."""

from __future__ import annotations

from rapsam.benchmarks.report.markdown import table, where_and_when
from rapsam.benchmarks.report.words import asked
from rapsam.benchmarks.studies.sam_speed_records import COMMAND, SamSpeedRecords, SamSpeedRun

NOTHING = f"Not measured yet: run `{COMMAND}`."
_HEADER = ("network", "stage", "ms", "beside", "ms", "ratio", "asked", "G multiply-adds", "load")
_GIGA = 1e9


def sam_speed_table(records: SamSpeedRecords) -> str:
    """Writes all comparisons, with where and when they were measured, or says that nothing was."""
    if not records.runs:
        return NOTHING
    where = where_and_when((run.machine, run.created_utc) for run in records.runs)
    threads = " or ".join(str(count) for count in sorted({run.threads for run in records.runs}))
    rows = [row for run in records.runs for row in _rows(run)]
    caption = (
        f"Measured on {where}, {threads} threads, ONNX Runtime, fp32, with `{COMMAND}`. Medians of turns; "
        "ratio: median of neighbouring turns; multiply-adds: as published, and here; load: running processes "
        "over the minute before."
    )
    return f"{table(_HEADER, rows)}\n\n{caption}"


def _rows(run: SamSpeedRun) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for stage in run.stages:
        macs = run.macs.get(stage.stage.removeprefix("graph "))
        work = "-" if macs is None else " -> ".join(f"{count / _GIGA:.2f}" for count in macs)
        rows.append(
            (
                *(f"`{run.model}`", stage.stage, f"{stage.ms:.1f}", stage.beside, f"{stage.beside_ms:.1f}"),
                *(f"{stage.ratio:.3f}", asked(stage.ratio, stage.limit), work, f"{run.load_average:g}"),
            )
        )
    return rows
