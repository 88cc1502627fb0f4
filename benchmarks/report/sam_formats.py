"""The table of `sam_formats`: promptable networks in every format."""

from __future__ import annotations

from collections.abc import Sequence

from rapsam.benchmarks.report.markdown import table, where_and_when
from rapsam.benchmarks.studies.sam_format_records import COMMAND, GraphShare, SamFormatRecords, SamFormatRow

NOTHING = f"Not measured yet: run `{COMMAND}`."
_HEADER = (
    *("network", "recipe", "runtime", "parity", "least SQNR, dB", "mask IoU, worst image", "worst mask"),
    *("delegate", "MB", "peak MB"),
)


def sam_formats_table(records: SamFormatRecords) -> str:
    """Writes a row per bundle, with where and when they were made, or says that there is none."""
    if not records.rows:
        return NOTHING
    where = where_and_when((row.machine, row.created_utc) for row in records.rows)
    prompts = " or ".join(str(count) for count in sorted({row.prompts for row in records.rows}))
    images = dict.fromkeys(
        f"{height}x{width}" for row in records.rows for height, width in row.images.values()
    )
    caption = (
        f"Measured on {where}, with `{COMMAND}`. Weights by formula; {prompts} prompts of several kinds on "
        f"each of {len(images)} drawn images ({', '.join(images)}), four masks each; worst mask: of all of "
        "these, with its image; delegate: the least share of multiply-adds that it takes, and its pieces "
        "of encoder and decoder; peak MB: memory of the process that made this bundle and those before it."
    )
    return f"{table(_HEADER, [_row(row) for row in records.rows])}\n\n{caption}"


def _row(row: SamFormatRow) -> tuple[str, ...]:
    worst = "-" if row.least_iou is None else f"{_iou(row.least_iou)} ({row.least_iou_image})"
    return (
        *(f"`{row.model}`", f"`{row.recipe}`", ", ".join(row.runtimes) or "none", row.status),
        _sqnr(row),
        *(_iou(row.mean_iou), worst),
        _delegate([*row.shares.values()]),
        f"{sum(row.graphs_mb.values()):.1f}",
        "-" if row.peak_rss_mb is None else str(row.peak_rss_mb),
    )


def _sqnr(row: SamFormatRow) -> str:
    if row.exact:
        return "exact"
    return "-" if row.least_sqnr_db is None else f"{row.least_sqnr_db:.1f}"


def _iou(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _delegate(shares: Sequence[GraphShare]) -> str:
    """Says what the delegate takes of the graphs, which all have the same one."""
    if not shares:
        return "-"
    least = min(share.mac_share for share in shares)
    pieces = " and ".join(str(share.partitions) for share in shares)
    estimated = ", estimated" * (shares[0].provenance == "estimated")
    return f"{shares[0].delegate} {least:.1%} in {pieces}{estimated}"
