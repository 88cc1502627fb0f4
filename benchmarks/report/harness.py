"""The table of `harness`: what the harness adds, how well it repeats, and networks beside each other."""

from __future__ import annotations

from typing import get_args

from rapsam.benchmarks.report.markdown import table, where_and_when
from rapsam.benchmarks.report.words import asked
from rapsam.benchmarks.studies.harness_records import COMMAND, HarnessRecords, Question, Ratio

NOTHING = f"Not measured yet: run `{COMMAND}`."
_HEADER = ("question", "stage", "of", "ms", "beside", "ms", "ratio", "asked", "load")


def harness_table(records: HarnessRecords) -> str:
    """Writes all ratios, with where and when they were measured, or says that nothing was."""
    if not records.ratios:
        return NOTHING
    where = where_and_when((ratio.machine, ratio.created_utc) for ratio in records.ratios)
    ordered = sorted(records.ratios, key=lambda ratio: get_args(Question).index(ratio.question))
    parts = [
        table(_HEADER, map(_cells, ordered)),
        "\n".join(f"- {name}: not measured: {reason}" for name, reason in records.not_run.items()),
        f"Measured on {where}, with `{COMMAND}`. Medians; load: running processes over the minute before.",
    ]
    return "\n\n".join(part for part in parts if part)


def _cells(ratio: Ratio) -> tuple[str, ...]:
    times = f"{ratio.subject_ms:.2f}", f"{ratio.beside_ms:.2f}"
    return (
        *(ratio.question, ratio.what, ratio.subject, times[0], ratio.beside, times[1]),
        *(f"{ratio.ratio:.3f}", asked(ratio.ratio, ratio.limit), f"{ratio.load_average:g}"),
    )
