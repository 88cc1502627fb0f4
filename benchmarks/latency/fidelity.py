"""Summing up a self-test: the worst output beside the mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rapsam.benchmarks.latency.facts import MAX_TEXT
from rapsam.benchmarks.latency.record import Fidelity, FidelityRow
from rapsam.errors import printable, shortened
from rapsam.export.parity.report import Status, TensorParity

_WORST_FIRST: tuple[Status, ...] = ("failed", "not meaningful", "benign", "passed", "not run")


def fidelity_of(rows: Sequence[TensorParity]) -> Fidelity:
    """Sums up the rows of a self-test.

    A ratio is null where it is infinite: there is no difference, or the reference is zero; `max_abs` tells
    which.

    Args:
        rows: At least one.
    """
    shown = tuple(map(_row, rows))
    known = [(row.sqnr_db, row) for row in shown if row.sqnr_db is not None]
    lowest = min(known, key=lambda pair: pair[0], default=(None, None))[1]
    # An output that is missing, broken, or has nothing to be compared with is worse than any figure.
    unmeasured = (row for row in shown if row.status == "failed" and row.sqnr_db is None)
    worst = next(unmeasured, lowest)
    errors = [row.max_abs for row in rows if row.max_abs is not None]
    return Fidelity(
        status=next(status for status in _WORST_FIRST if any(row.status == status for row in rows)),
        cases=len({row.case for row in rows}),
        worst=None if worst is None else _text(f"{worst.graph}.{worst.output} on {worst.case}"),
        worst_sqnr_db=None if worst is None else worst.sqnr_db,
        mean_sqnr_db=sum(ratio for ratio, _ in known) / len(known) if known else None,
        max_abs=max(errors, default=None),
        rows=shown,
    )


def fidelity_error(fidelity: Fidelity) -> str | None:
    """Says which output is wrong, the first of them; None if none is."""
    for row in fidelity.rows:
        if row.status == "failed":
            return _text(f"wrong on this device: {row.graph}.{row.output} on {row.case}: {row.reason}")
    return None


def _row(row: TensorParity) -> FidelityRow:
    finite = row.sqnr_db is not None and math.isfinite(row.sqnr_db)
    return FidelityRow(
        graph=_text(row.graph),
        output=_text(row.output),
        case=_text(row.case),
        status=row.status,
        reason=_text(row.reason),
        max_abs=row.max_abs,
        cosine=row.cosine,
        sqnr_db=row.sqnr_db if finite else None,
    )


def _text(text: str) -> str:
    return shortened(printable(text), MAX_TEXT)
