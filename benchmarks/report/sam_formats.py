"""The table of `sam_formats`: promptable networks in every format."""

from __future__ import annotations

from rapsam.benchmarks.report.markdown import table, where_and_when
from rapsam.benchmarks.studies.sam_format_records import COMMAND, GraphShare, SamFormatRecords, SamFormatRow
from rapsam.export.backends.catalogue import RECIPES

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
        "these, with its image; delegate: its share of the multiply-adds of encoder and decoder, and its "
        "pieces; peak MB: memory of the process that made this bundle and those before it."
    )
    return f"{table(_HEADER, [_row(row) for row in records.rows])}\n\n{caption}"


def _row(row: SamFormatRow) -> tuple[str, ...]:
    worst = "-" if row.least_iou is None else f"{_iou(row.least_iou)} ({row.least_iou_image})"
    return (
        *(f"`{row.model}`", f"`{row.recipe}`", _runtimes(row), row.status),
        _sqnr(row),
        *(_iou(row.mean_iou), worst),
        ", ".join(dict.fromkeys(_share(share) for share in row.shares.values())) or "-",
        f"{sum(row.graphs_mb.values()):.1f}",
        "-" if row.peak_rss_mb is None else str(row.peak_rss_mb),
    )


def _sqnr(row: SamFormatRow) -> str:
    if row.exact:
        return "exact"
    return "-" if row.least_sqnr_db is None else f"{row.least_sqnr_db:.1f}"


def _runtimes(row: SamFormatRow) -> str:
    told = ", ".join(row.runtimes) or "none"
    return (
        f"{told} (emulated, not {RECIPES[row.recipe].backend} itself)"
        if row.provenance == "emulated"
        else told
    )


def _iou(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _share(share: GraphShare) -> str:
    told = f"{share.delegate} {share.mac_share:.1%} in {share.partitions}"
    return f"{told}, estimated" if share.provenance == "estimated" else told
