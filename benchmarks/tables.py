"""Writes the tables of README.md from the records, so that no figure is typed by hand.

python -m rapsam.benchmarks.tables
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rapsam.benchmarks.export_matrix import FILE
from rapsam.benchmarks.records import ExportRecord, ExportRecords, read_records
from rapsam.errors import InputError
from rapsam.files import write_atomic

BEGIN, END = "<!-- export matrix: begin -->", "<!-- export matrix: end -->"
HEADER = (
    "| model | size | recipe | MB | run by | parity | object IoU | prompt IoU | PQ | export s | peak MB |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
)


def main() -> None:
    """Replaces the table between the markers of a Markdown file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=Path("README.md"))
    path = parser.parse_args().file
    text = with_table(path.read_text(), export_table(read_records(FILE)))
    write_atomic(path, text.encode())


def export_table(records: ExportRecords) -> str:
    """Writes records as a Markdown table, with where and when they were measured."""
    rows = sorted(records.records, key=lambda r: (r.model, -r.size[0], r.recipe))
    machines = {f"{r.machine.cpu or 'unknown CPU'}, {r.machine.cores} cores" for r in rows}
    days = sorted(r.created_utc[:10] for r in rows)
    caption = f"Measured on {'; '.join(sorted(machines))}, {days[0]} to {days[-1]}, with `{records.command}`."
    return "\n".join([*HEADER, *map(_row, rows), "", caption])


def with_table(text: str, table: str) -> str:
    """Puts a table between the markers of a text.

    Raises:
        InputError: If the text lacks the markers.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"the text lacks the markers {BEGIN} and {END}; put them where the table belongs")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _row(record: ExportRecord) -> str:
    cells = [
        record.model.removeprefix("rapsam_"),
        f"{record.size[0]}x{record.size[1]}",
        record.recipe,
        f"{sum(record.graphs_mb.values()):.1f}",
        ", ".join(record.runtimes) or "-",
        record.status,
        _figure(record.min_object_iou),
        _figure(record.min_prompt_iou),
        _figure(record.min_pq),
        f"{record.export_s:.0f}",
        str(record.peak_rss_mb),
    ]
    return f"| {' | '.join(cells)} |"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    main()
