"""Writes the tables of README.md and docs from the records, so that no figure is typed by hand.

python -m rapsam.benchmarks.tables
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rapsam.benchmarks import export_matrix, runtime_speed
from rapsam.benchmarks.records import ExportRecord, ExportRecords, where_and_when
from rapsam.benchmarks.shipped_weights import known_weights
from rapsam.benchmarks.speed_tables import speed_tables
from rapsam.benchmarks.summary import summary_table
from rapsam.benchmarks.training_speed import known_speeds
from rapsam.benchmarks.training_tables import training_table, weights_table
from rapsam.errors import InputError
from rapsam.files import write_atomic

SUMMARY, MATRIX, SPEED = "summary", "export matrix", "runtime speed"
WEIGHTS, TRAINING = "shipped weights", "training speed"
HEADER = (
    "| model | size | recipe | MB | run by | parity | object IoU | prompt IoU | PQ | export s | peak MB |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
)


def main() -> None:
    """Replaces the tables between the markers of the Markdown files."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    for name, tables in all_tables().items():
        path = Path(name)
        text = path.read_text()
        for marker, table in tables.items():
            text = with_table(text, marker, table)
        write_atomic(path, text.encode())


def all_tables() -> dict[str, dict[str, str]]:
    """Gives the tables of each Markdown file by the name in their markers."""
    weights = weights_table(known_weights())
    exports, speeds = export_matrix.known_records(), runtime_speed.known_records()
    return {
        "README.md": {SUMMARY: summary_table(exports, speeds, known_weights())},
        "docs/benchmarks.md": {MATRIX: export_table(exports), SPEED: speed_tables(speeds)},
        "docs/nano-synth.md": {WEIGHTS: weights},
        "docs/training.md": {TRAINING: training_table(known_speeds())},
    }


def export_table(records: ExportRecords) -> str:
    """Writes records as a Markdown table, with where and when they were measured."""
    if not records.records:
        return f"Not measured yet: run `{records.command}`."
    rows = sorted(records.records, key=lambda r: (r.model, -r.size[0], r.recipe))
    where = where_and_when((record.machine, record.created_utc) for record in rows)
    caption = f"Measured on {where}, with `{records.command}`."
    return "\n".join([*HEADER, *map(_row, rows), "", caption])


def with_table(text: str, name: str, table: str) -> str:
    """Puts a table between the two markers of this name in a text.

    Raises:
        InputError: If the text lacks the markers.
    """
    first, last = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin, rest = text.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise InputError(f"the text lacks the markers {first} and {last}; put them where the table belongs")
    return f"{before}{first}\n{table}\n{last}{after}"


def _row(record: ExportRecord) -> str:
    cells = [
        record.model.removeprefix("rapsam_"),
        f"{record.size[0]}x{record.size[1]}",
        record.recipe,
        f"{sum(record.graphs_mb.values()):.1f}",
        ", ".join(record.runtimes) or "-",
        record.status + (f", {len(record.benign)} benign" if record.benign else ""),
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
