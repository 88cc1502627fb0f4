"""What each part of a network loses by few bits, as a picture beside the figures."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from rapsam.errors import printable, shortened
from rapsam.export.bundle.quantisation import T_95, TITLES, BudgetReport, Figure, FigureDrop, UnitCost

BUDGET_PLOT_NAME = "budget.png"
_LONGEST = 60
_ROWS = 40
_KEPT, _INTEGER, _LIMIT = "tab:red", "tab:blue", "black"


def budget_plot(title: str, report: BudgetReport) -> bytes:
    """Draws, for every figure with a limit, the loss of the bundle and what each part costs by itself.

    Args:
        title: Such as the name of the recipe.
        report: Of the bundle; the costliest parts are drawn, 40 at most.

    Returns:
        A PNG.
    """
    from matplotlib.figure import Figure as Drawing

    units = [unit for unit in report.units if unit.drops][:_ROWS]
    names = ["the whole bundle", *(_plain(_label(unit)) for unit in units)]
    drawing = Drawing(figsize=(4 + 3.2 * len(report.limits), 1.8 + 0.24 * len(names)), layout="constrained")
    axes = drawing.subplots(1, len(report.limits), sharey=True, squeeze=False)[0]
    for place, (axis, (figure, limit)) in enumerate(zip(axes, report.limits.items(), strict=True)):
        _bar(axis, 0, _of(report.drops, figure), _INTEGER, report.t)
        for row, unit in enumerate(units, start=1):
            _bar(axis, row, _of(unit.drops, figure), _KEPT if unit.kept else _INTEGER, T_95)
        axis.axvline(0, color=_LIMIT, linewidth=0.6)
        axis.axvline(limit, color=_LIMIT, linewidth=1, linestyle="--")
        axis.set(title=f"{TITLES[figure]}: points lost\nlimit {limit:g} (dashed)")
        if place == 0:
            axis.set_yticks(range(len(names)), names, fontsize=8)
            axis.invert_yaxis()
    parts = "each part by itself in few bits; red: stays float" if units else "no part had to stay float"
    drawing.suptitle(_plain(f"{title}, {report.images} images, intervals of the table; {parts}"), fontsize=10)
    buffer = BytesIO()
    drawing.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()


def _bar(axis: Any, row: int, drop: FigureDrop | None, colour: str, t: float) -> None:  # noqa: ANN401
    if drop is None:
        return
    error = 0.0 if drop.standard_error is None else t * drop.standard_error
    axis.barh(row, drop.points, xerr=error, color=colour, height=0.7, error_kw={"linewidth": 0.8})


def _of(drops: tuple[FigureDrop, ...], figure: Figure) -> FigureDrop | None:
    return next((drop for drop in drops if drop.figure == figure), None)


def _label(unit: UnitCost) -> str:
    return f"{unit.unit}, {unit.macs / 1e6:.1f} M MACs"


def _plain(text: str) -> str:
    """Escapes a text for matplotlib, which takes what stands between dollars for mathematics."""
    return shortened(printable(text), _LONGEST * 3).replace("$", r"\$")
