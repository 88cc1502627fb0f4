"""How near to the reference against how fast: a mark for every run that has times."""

from __future__ import annotations

from collections.abc import Sequence

from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.latency.verdict import headline
from rapsam.benchmarks.report.page.chart import (
    BOTTOM,
    LEFT,
    RIGHT,
    WIDTH,
    bottom_axis,
    drawing,
    fitted,
    free_places,
    left_axis,
    written,
)
from rapsam.benchmarks.report.page.markup import Markup, element, joined
from rapsam.benchmarks.report.page.runs import NumberedRun, badge
from rapsam.benchmarks.report.page.scales import Scale, linear_scale, log_scale
from rapsam.benchmarks.report.words import decibels, milliseconds

_BAND = 24.0
"""Above and below: for runs whose outputs do not differ at all, and for those of which nothing is known."""
_UPPER, _GAP = 24.0, 10.0
"""Upper edge of the drawing; between a band and the axis, so that what is written beside them stays apart."""
_FARTHEST_DB = 300.0
_TITLE = 200.0
"""Width of the name of a stage below the axis."""
_LABEL = 80.0
_BETWEEN = 220.0
"""Height of the axis; there is none where no run has a ratio."""


def scatter_charts(runs: Sequence[NumberedRun]) -> Markup:
    """Draws a chart for every stage by which runs are judged, and for every provenance; see `headline`."""
    groups: dict[tuple[str, str], list[NumberedRun]] = {}
    for run in runs:
        stage = headline(run.record)
        if stage is not None:
            groups.setdefault((stage.name, run.record.provenance), []).append(run)
    charts = [_figure(*group, members) for group, members in groups.items()]
    untimed = [run.name for run in runs if headline(run.record) is None]
    left_out = element("p", f"Without times, and so in no chart: {'; '.join(untimed)}.") if untimed else None
    return joined(element("div", *charts, class_="charts"), left_out)


def is_equal(record: LatencyRecord) -> bool:
    """Tells whether the self-test ran and no output differed at all."""
    found = record.fidelity
    return (
        found is not None and found.status == "passed" and found.worst_sqnr_db is None and found.max_abs == 0
    )


def _figure(stage: str, provenance: str, runs: Sequence[NumberedRun]) -> Markup:
    caption = element("figcaption", f"{stage}: self-test against time ", badge(provenance))
    places = {run.place: run.colour for run in runs}
    legend = [
        element("span", element("i", class_=f"key {colour}"), place) for place, colour in places.items()
    ]
    return element(
        "figure", caption, _drawn(stage, runs), element("div", *legend, class_="legend"), class_="scatter"
    )


def _drawn(stage: str, runs: Sequence[NumberedRun]) -> Markup:
    ratios = [ratio for run in runs if (ratio := _ratio(run.record)) is not None]
    lower = _UPPER + _BAND + (_BETWEEN if ratios else 0.0)
    across = log_scale([_time(run) for run in runs], LEFT, WIDTH - RIGHT)
    up = linear_scale(ratios, lower - _GAP, _UPPER + _BAND + _GAP, from_zero=False)
    points = [(across.place(max(_time(run), across.low)), _height(run.record, up, lower)) for run in runs]
    names = [_label(run) for run in runs]
    labels = free_places(points, names)
    return drawing(
        lower + _BAND + BOTTOM,
        f"{stage}: decibels of the worst output against milliseconds, {len(runs)} runs",
        left_axis(up, LEFT, WIDTH - RIGHT) if ratios else None,
        written(4, 12, "worst output against the reference, dB", "axis"),
        _band("equal", _UPPER),
        _band("unknown", lower),
        bottom_axis(across, _UPPER, lower + _BAND, f"p50 of {fitted(stage, _TITLE)}, ms (logarithmic)"),
        *(_mark(run, point) for run, point in zip(runs, points, strict=True)),
        *(written(*place, name, "label") for name, place in zip(names, labels, strict=True)),
    )


def _label(run: NumberedRun) -> str:
    """Returns the number of a run and its precision, which is what runs of one device differ in most."""
    return fitted(f"{run.label} {run.record.model.precision or ''}".rstrip(), _LABEL)


def _band(name: str, top: float) -> Markup:
    return joined(
        element("rect", x=LEFT, y=top, width=WIDTH - RIGHT - LEFT, height=_BAND, class_="band"),
        written(LEFT - 6, top + _BAND / 2 + 4, name, "tick end"),
    )


def _mark(run: NumberedRun, point: tuple[float, float]) -> Markup:
    x, y = point
    found = run.record.fidelity
    ratio = "equal" if is_equal(run.record) else decibels(None if found is None else found.worst_sqnr_db)
    says = element("title", f"{run.name}: p50 {milliseconds(_time(run))}, {ratio}")
    if run.record.status == "failed":
        cross = f"M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"
        return element(
            "g", says, element("path", d=cross), class_=f"mark wrong {run.colour}", data_run=run.number
        )
    kind = "" if run.counts else " doubtful"
    dot = element("circle", cx=x, cy=y, r=5.5)
    return element("g", says, dot, class_=f"mark{kind} {run.colour}", data_run=run.number)


def _time(run: NumberedRun) -> float:
    stage = headline(run.record)
    assert stage is not None, "runs without times are in no chart"
    return stage.ms.p50


def _ratio(record: LatencyRecord) -> float | None:
    """Returns the ratio that is drawn: what is beyond all float32 knows lies at the edge."""
    ratio = None if record.fidelity is None else record.fidelity.worst_sqnr_db
    return None if ratio is None else min(max(ratio, -_FARTHEST_DB), _FARTHEST_DB)


def _height(record: LatencyRecord, up: Scale, lower: float) -> float:
    ratio = _ratio(record)
    if ratio is not None:
        return up.place(ratio)
    return (_UPPER if is_equal(record) else lower) + _BAND / 2
