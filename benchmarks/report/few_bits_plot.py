"""The picture of `few_bits`: what is lost, by size."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from rapsam.benchmarks.studies.few_bits_records import FewBitsRow
from rapsam.files import write_atomic


def plot_losses(rows: Sequence[FewBitsRow], path: Path) -> None:
    """Draws for every row that was scored the points of PQ that are lost, by the size of the bundle.

    Args:
        rows: Of the record.
        path: The PNG.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    scored = [(row, loss) for row in rows if (loss := row.loss("pq")) is not None]
    for target in dict.fromkeys(row.target for row, _ in scored):
        found = [(row, loss) for row, loss in scored if row.target == target]
        axes.errorbar(
            [row.size_ratio for row, _ in found],
            [loss.points for _, loss in found],
            yerr=[loss.standard_error or 0.0 for _, loss in found],
            fmt="o",
            capsize=3,
            label=f"{target}, {found[0][0].provenance}",
        )
        for row, loss in found:
            name = f"{row.precision}, trained" if row.trained_with else row.precision
            axes.annotate(name, (row.size_ratio, loss.points), (4, 4), textcoords="offset points", fontsize=7)
    # Room for the names beside the points.
    right = 1.1 * max((row.size_ratio for row, _ in scored), default=1.0)
    axes.axhline(0, color="grey", linewidth=0.5)
    axes.set(xlabel="size, of fp32", ylabel="points of PQ lost (one standard error)", xlim=(0, right))
    if scored:
        axes.legend(fontsize=8)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_atomic(path, buffer.getvalue())
