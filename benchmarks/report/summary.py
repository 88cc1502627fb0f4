"""The small table of the README: best and worst of what was measured, and how much missed its goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from rapsam.benchmarks.report.few_bits import missed
from rapsam.benchmarks.report.markdown import short_name, table, where_and_when
from rapsam.benchmarks.report.words import holds
from rapsam.benchmarks.studies.export_matrix import ExportRecord, ExportRecords
from rapsam.benchmarks.studies.few_bits_records import FewBitsRow
from rapsam.benchmarks.studies.sam_format_records import SamFormatRow
from rapsam.benchmarks.studies.sam_speed_records import SamSpeedRun
from rapsam.benchmarks.studies.shipped_weights import ASKED, ShippedWeights
from rapsam.benchmarks.studies.speed_goals import GOALS, Goal
from rapsam.benchmarks.studies.speed_records import IMAGE, PROMPT, SpeedRecords
from rapsam.export.backends.catalogue import RECIPES

_Export = TypeVar("_Export", ExportRecord, SamFormatRow)
_HEADER = ("what", "best", "worst", "missed")
_PASSES = {IMAGE: "panoptic pass", PROMPT: "pass of one prompt"}
_AGAINST = " of eager un-rewritten"
_EXPORT = "full export"


class _Figure(NamedTuple):
    """A value with what it was measured on; `badness` orders the figures of a row, the best first."""

    badness: float
    text: str


class Measured(NamedTuple):
    """What the table is made of.

    Attributes:
        exports: Fidelity of exported bundles.
        speeds: Times on this machine's processor.
        weights: Scores of the weights that come with the package.
        few_bits: What recipes of few bits cost.
        promptable: Fidelity of promptable networks at full size.
        promptable_speed: Their times beside those of their authors' exports.
    """

    exports: ExportRecords
    speeds: SpeedRecords
    weights: ShippedWeights | None = None
    few_bits: Sequence[FewBitsRow] = ()
    promptable: Sequence[SamFormatRow] = ()
    promptable_speed: Sequence[SamSpeedRun] = ()


def summary_table(measured: Measured) -> str:
    """Writes one row per kind of measurement, or says that nothing was measured.

    Returns:
        A Markdown table and a caption that says where and when.
    """
    rows = [
        *_fidelity_rows(measured.exports.records),
        *_few_bits_rows(measured.few_bits),
        *_speed_rows(measured.speeds),
        *_promptable_rows(measured.promptable),
        *_promptable_speed_rows(measured.promptable_speed),
        *_weights_rows(measured.weights),
    ]
    if not rows:
        return "Not measured yet: see docs/benchmarks.md."
    return "\n".join([table(_HEADER, rows, " --- "), "", _caption(measured)])


def _fidelity_rows(records: Sequence[ExportRecord]) -> list[tuple[str, ...]]:
    return [_fidelity_row(*arithmetic, group) for arithmetic, group in _by_arithmetic(records)]


def _fidelity_row(precision: str, provenance: str, records: list[ExportRecord]) -> tuple[str, ...]:
    runtimes = dict.fromkeys(runtime for record in records for runtime in record.runtimes)
    where = "in its runtime" if provenance == "measured" else " and ".join(runtimes)
    figures = [
        _Figure(-iou, f"{iou:.4f} ({short_name(record.model)}, {record.recipe})")
        for record in records
        if (iou := record.min_object_iou) is not None
    ]
    return f"{precision} exports, {where}: mask IoU", *_ends(figures), _failed(records)


def _by_arithmetic(records: Sequence[_Export]) -> list[tuple[tuple[str, str], list[_Export]]]:
    """Groups what was run by precision and provenance; fp32 first, of one precision what was measured."""
    groups: dict[tuple[str, str], list[_Export]] = {}
    for record in records:
        if record.runtimes:
            groups.setdefault((RECIPES[record.recipe].precision, record.provenance), []).append(record)
    return sorted(groups.items(), key=lambda group: group[0], reverse=True)


def _failed(records: Sequence[ExportRecord | SamFormatRow]) -> str:
    return f"{sum(record.status == 'failed' for record in records)} of {len(records)} exports"


def _few_bits_rows(few_bits: Sequence[FewBitsRow]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for provenance, where in (("measured", "in its runtime"), ("emulated", "emulated")):
        scored = [row for row in few_bits if row.losses and row.provenance == provenance]
        figures = [
            _Figure(loss.points, f"{loss.points:.2f} ({row.name})")
            for row in scored
            if (loss := row.loss("pq")) is not None
        ]
        if figures:
            title = f"few bits against fp32, {where}: points of PQ lost"
            rows.append((title, *_ends(figures), missed(scored)))
    return rows


def _speed_rows(speeds: SpeedRecords) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for graph, title in _PASSES.items():
        begin = f"{graph}, "
        goals = [goal for goal in GOALS if goal.text.startswith(begin) and goal.text.endswith(_AGAINST)]
        figures = [
            _Figure(value, f"{value:.3g}x ({short_name(goal.model)}, {_between(goal, begin)})")
            for goal in goals
            if (value := goal.measure(speeds, goal.model)) is not None
        ]
        if figures:
            rows.append((f"{title}, time against eager PyTorch", *_ends(figures), _missed(goals, speeds)))
    if speeds.exports:
        figures = [
            _Figure(done.seconds, f"{done.seconds / 60:.1f} min ({short_name(done.model)})")
            for done in speeds.exports
        ]
        goals = [goal for goal in GOALS if goal.text.startswith(_EXPORT)]
        rows.append(("export to four targets, with parity", *_ends(figures), _missed(goals, speeds)))
    return rows


def _between(goal: Goal, begin: str) -> str:
    return goal.text.removeprefix(begin).removesuffix(_AGAINST)


def _missed(goals: Sequence[Goal], speeds: SpeedRecords) -> str:
    values = [(goal, goal.measure(speeds, goal.model)) for goal in goals]
    measured = [(goal, value) for goal, value in values if value is not None]
    return f"{sum(not goal.met(value) for goal, value in measured)} of {len(measured)} goals"


def _promptable_rows(promptable: Sequence[SamFormatRow]) -> list[tuple[str, ...]]:
    return [_promptable_row(*arithmetic, group) for arithmetic, group in _by_arithmetic(promptable)]


def _promptable_row(precision: str, provenance: str, rows: list[SamFormatRow]) -> tuple[str, ...]:
    where = "in its runtime" if provenance == "measured" else "emulated"
    figures = [
        _Figure(-row.least_iou, f"{row.least_iou:.4f} ({row.model}, {row.recipe})")
        for row in rows
        if row.least_iou is not None
    ]
    title = f"promptable networks in {precision}, {where}: IoU of the mask farthest off"
    return title, *_ends(figures), _failed(rows)


def _promptable_speed_rows(runs: Sequence[SamSpeedRun]) -> list[tuple[str, ...]]:
    asked = [(run.model, stage) for run in runs for stage in run.stages if stage.limit is not None]
    rows: list[tuple[str, ...]] = []
    for name in dict.fromkeys(stage.stage for _, stage in asked):
        same = [(model, stage) for model, stage in asked if stage.stage == name]
        figures = [_Figure(stage.ratio, f"{stage.ratio:.3g}x ({model})") for model, stage in same]
        missed = sum(not holds(stage.ratio, stage.limit) for _, stage in same)
        title = f"promptable networks, {name}: time against their authors' export"
        rows.append((title, *_ends(figures), f"{missed} of {len(same)} goals"))
    return rows


def _weights_rows(weights: ShippedWeights | None) -> list[tuple[str, ...]]:
    if weights is None:
        return []
    scores = {name: value for name, value in weights.scores.items() if value is not None}
    parts = [
        _Figure(-scores[f"pq_{what}"], f"{scores[f'pq_{what}']:.3f} ({what})") for what in ("stuff", "things")
    ]
    prompts = [
        _Figure(-scores[name], f"{scores[name]:.3f} ({what})")
        for name, what in (("click_miou", "one click"), ("box_miou", "one box"))
    ]
    return [
        (
            f"{weights.name} on a world not seen before: PQ {scores['pq']:.3f}",
            *_ends(parts),
            _below(scores, "pq"),
        ),
        ("the same: mask IoU of a prompt", *_ends(prompts), _below(scores, "click_miou")),
    ]


def _below(scores: Mapping[str, float], name: str) -> str:
    return f"{int(scores[name] < ASKED[name])} of 1 goals"


def _ends(figures: list[_Figure]) -> tuple[str, str]:
    """Returns the best and the worst figure; "unknown" where there is none."""
    if not figures:
        return "unknown", "unknown"
    ordered = sorted(figures)
    return ordered[0].text, ordered[-1].text


def _caption(measured: Measured) -> str:
    records = (
        *measured.exports.records,
        *measured.speeds.runs,
        *measured.few_bits,
        *measured.promptable,
        *measured.promptable_speed,
        *((measured.weights,) if measured.weights else ()),
    )
    where = where_and_when((record.machine, record.created_utc) for record in records)
    return (
        f"Measured on {where}. All rows, with their commands: [docs/benchmarks.md](docs/benchmarks.md), "
        "of promptable networks [docs/sam.md](docs/sam.md)."
    )
