"""How long each stage takes: a bar for every run, from the 5th to the 95th percentile a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rapsam.benchmarks.latency.names import run_name
from rapsam.benchmarks.latency.record import StageTimes
from rapsam.benchmarks.report.page.chart import BOTTOM, RIGHT, WIDTH, bottom_axis, drawing, fitted, written
from rapsam.benchmarks.report.page.markup import Markup, element, joined
from rapsam.benchmarks.report.page.runs import NumberedRun, badge
from rapsam.benchmarks.report.page.scales import Scale, linear_scale
from rapsam.benchmarks.report.words import bare, milliseconds

MAX_CHARTS, MAX_BARS = 24, 24
_LEFT, _TOP, _ROW = 8.0, 8.0, 36.0


class _Bar(NamedTuple):
    run: NumberedRun
    stage: StageTimes


def stage_charts(runs: Sequence[NumberedRun]) -> Markup:
    """Draws a chart for every stage and provenance, the fastest run first."""
    groups: dict[tuple[str, str], list[_Bar]] = {}
    for run in runs:
        for stage in run.record.stages:
            name = stage.name if stage.mode == "burst" else f"{stage.name}, sustained"
            groups.setdefault((name, run.record.provenance), []).append(_Bar(run, stage))
    shown = list(groups.items())[:MAX_CHARTS]
    charts = [_figure(*group, bars) for group, bars in shown]
    more = len(groups) - len(shown)
    left_out = element("p", f"{more} more stages are in the tables of the runs.") if more else None
    return joined(element("div", *charts, class_="charts"), left_out)


def _figure(stage: str, provenance: str, bars: Sequence[_Bar]) -> Markup:
    ordered = sorted(bars, key=lambda bar: bar.stage.ms.p50)[:MAX_BARS]
    more = f", {len(ordered)} fastest of {len(bars)}" if len(bars) > len(ordered) else ""
    caption = element("figcaption", f"{stage}{more} ", badge(provenance))
    return element("figure", caption, _drawn(stage, ordered), class_="bars")


def _drawn(stage: str, bars: Sequence[_Bar]) -> Markup:
    values = [value for bar in bars for value in (bar.stage.ms.p95, bar.stage.ms.p50)]
    across = linear_scale(values, _LEFT, WIDTH - RIGHT, from_zero=True)
    end = _TOP + _ROW * len(bars)
    rows = (_row(bar, _TOP + _ROW * place, across) for place, bar in enumerate(bars))
    return drawing(
        end + BOTTOM,
        f"{stage}: p50 of {len(bars)} runs",
        bottom_axis(across, _TOP, end, "p50, ms; line from p5 to p95"),
        *rows,
    )


def _row(bar: _Bar, top: float, across: Scale) -> Markup:
    ms, run = bar.stage.ms, bar.run
    middle = top + 26
    doubtful = "" if run.counts else " doubtful"
    value = f"{bare(ms.p50)}{'' if run.counts else ' (see flags)'}"
    name = fitted(f"{run.label} {run_name(run.record)}", WIDTH - RIGHT - _LEFT - 120)
    line = f"M{across.place(ms.p5):.1f} {middle:.1f}H{across.place(ms.p95):.1f}"
    return element(
        "g",
        element("title", f"{run.name}: p50 {milliseconds(ms.p50)}, p90 {milliseconds(ms.p90)}, n {ms.n}"),
        written(_LEFT, top + 14, name, "tick"),
        written(WIDTH - RIGHT, top + 14, value, "label end"),
        element(
            "rect", x=across.begin, y=top + 19, width=across.place(ms.p50) - across.begin, height=14, rx=2
        ),
        element("path", d=line, class_="whisker"),
        class_=f"bar{doubtful} {run.colour}",
        data_run=run.number,
    )
