"""How times change while a device runs on and grows warm."""

from __future__ import annotations

from collections.abc import Sequence

from rapsam.benchmarks.latency.names import run_name
from rapsam.benchmarks.latency.record import Window
from rapsam.benchmarks.report.page.chart import (
    BOTTOM,
    LEFT,
    TOP,
    WIDTH,
    bottom_axis,
    drawing,
    free_places,
    left_axis,
    written,
)
from rapsam.benchmarks.report.page.markup import Markup, element
from rapsam.benchmarks.report.page.runs import COLOURS, NumberedRun, badge
from rapsam.benchmarks.report.page.scales import Scale, linear_scale
from rapsam.benchmarks.report.words import milliseconds

_HEIGHT, _RIGHT = 260.0, 44.0
_MOST_POINTS = 300
PER_CHART = 6


def sustained_charts(runs: Sequence[NumberedRun]) -> Markup | None:
    """Draws the runs that went on without a pause, six to a chart; None if none did."""
    groups: dict[str, list[NumberedRun]] = {}
    for run in runs:
        if run.record.sustained:
            groups.setdefault(run.record.provenance, []).append(run)
    charts = [
        _figure(provenance, members[begin : begin + PER_CHART])
        for provenance, members in groups.items()
        for begin in range(0, len(members), PER_CHART)
    ]
    return element("div", *charts, class_="charts") if charts else None


def _figure(provenance: str, runs: Sequence[NumberedRun]) -> Markup:
    caption = element("figcaption", "Without a pause: medians of 5 s ", badge(provenance))
    legend = [
        element(
            "span",
            element("i", class_=f"key s{place % COLOURS}"),
            f"{run.label} {run_name(run.record)}, {_change(run)}",
        )
        for place, run in enumerate(runs)
    ]
    return element(
        "figure", caption, _drawn(runs), element("div", *legend, class_="legend"), class_="sustained"
    )


def _drawn(runs: Sequence[NumberedRun]) -> Markup:
    windows = [window for run in runs for window in _windows(run)]
    across = linear_scale([window.t_s for window in windows], LEFT, WIDTH - _RIGHT, from_zero=True)
    up = linear_scale([window.p50_ms for window in windows], _HEIGHT - BOTTOM, TOP + 4, from_zero=True)
    ends = [_point(_windows(run)[-1], across, up) for run in runs]
    labels = free_places(ends, [run.label for run in runs], right_only=True)
    return drawing(
        _HEIGHT,
        f"milliseconds over {len(windows)} windows, {len(runs)} runs",
        left_axis(up, LEFT, WIDTH - _RIGHT),
        written(4, 12, "p50, ms", "axis"),
        bottom_axis(across, TOP + 4, _HEIGHT - BOTTOM, "seconds since the run began"),
        *(_curve(run, place, across, up) for place, run in enumerate(runs)),
        *(written(*place, run.label, "label") for run, place in zip(runs, labels, strict=True)),
    )


def _curve(run: NumberedRun, colour: int, across: Scale, up: Scale) -> Markup:
    """Colours are those of the runs here: they are mostly of one device."""
    points = [_point(window, across, up) for window in _windows(run)]
    return element(
        "g",
        element("title", f"{run.name}: {_change(run)}"),
        element("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points)),
        *(element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=2.5) for x, y in points),
        class_=f"curve s{colour % COLOURS}",
        data_run=run.number,
    )


def _point(window: Window, across: Scale, up: Scale) -> tuple[float, float]:
    return across.place(window.t_s), up.place(window.p50_ms)


def _windows(run: NumberedRun) -> tuple[Window, ...]:
    """Returns windows, of very many every n-th and the last."""
    windows = run.record.sustained or ()
    step = -(-len(windows) // _MOST_POINTS)
    kept = windows[::step]
    return kept if kept[-1] is windows[-1] else (*kept, windows[-1])


def _change(run: NumberedRun) -> str:
    windows = _windows(run)
    return ", ".join(f"{milliseconds(end.p50_ms)} at {end.t_s:.0f} s" for end in (windows[0], windows[-1]))
