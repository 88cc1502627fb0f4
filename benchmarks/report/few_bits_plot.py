"""The picture of `few_bits`: what is lost, the smallest bundle first."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from rapsam.benchmarks.studies.few_bits_records import FewBitsRow
from rapsam.files import write_atomic


def plot_losses(rows: Sequence[FewBitsRow], path: Path) -> None:
    """Draws for every row that was scored the points of PQ that are lost, the smallest bundle first.

    Args:
        rows: Of the record.
        path: The PNG.
    """
    from matplotlib.figure import Figure

    scored = sorted((row for row in rows if row.loss("pq")), key=lambda row: row.size_ratio)
    figure = Figure(figsize=(8, 1.2 + 0.26 * len(scored)), layout="constrained")
    axes = figure.subplots()
    for target in sorted({row.target for row in scored}):
        found = [(place, row, row.loss("pq")) for place, row in enumerate(scored) if row.target == target]
        axes.errorbar(
            [loss.points for _, _, loss in found if loss],
            [place for place, _, _ in found],
            xerr=[loss.standard_error or 0.0 for _, _, loss in found if loss],
            fmt="o",
            capsize=3,
            label=f"{target}, {found[0][1].provenance}",
        )
    axes.axvline(0, color="grey", linewidth=0.5)
    axes.set_yticks(range(len(scored)), [f"{row.name}, {row.size_ratio:.2f}" for row in scored], fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel="points of PQ lost (one standard error)", ylabel="recipe, size of fp32")
    if scored:
        axes.legend(fontsize=8)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_atomic(path, buffer.getvalue())
