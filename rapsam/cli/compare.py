"""`rapsam compare`: did anything get worse from one measurement to the next."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.console import print_table, readable_size, say, show, show_json
from rapsam.errors import InputError, quoted

if TYPE_CHECKING:
    from rapsam.benchmarks.compare.comparison import Comparison, Limits, Row

SUMMARY = "Compare two measurements or two bundles; exit 1 if times, sizes, fidelity or delegation got worse."
EXAMPLE = "rapsam compare before.jsonl after.jsonl --max-slower 1.05"
WORSE = 1
_UNKNOWN = "unknown"
_NONE = "none"
"""Where there is no such figure."""
_MOST_DB = 1e4
_COLUMNS = ("run", "figure", "before", "after", "change", "verdict", "note")
_OPTIONS = {
    "slower": ("max_slower", "1 to 100, as in 1.10"),
    "larger": ("max_larger", "1 to 100, as in 1.05"),
    "sqnr_drop_db": ("max_sqnr_drop", "dB, 0 to 1000"),
    "quality_drop": ("max_quality_drop", "0 to 1"),
    "delegated_drop": ("max_delegated_drop", "0 to 1"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "before", type=Path, metavar="A", help="records of 'rapsam bench --out', or a bundle: good enough"
    )
    parser.add_argument("after", type=Path, metavar="B", help="the same, later: to be judged")
    for option, default, text in (
        ("--max-slower", "1.10", "largest ratio of medians; default: 1.10"),
        ("--max-larger", "1.05", "largest ratio of sizes; default: 1.05"),
        ("--max-sqnr-drop", "3", "largest loss of an output, in dB; default: 3"),
        ("--max-quality-drop", "0.02", "largest loss of a task's PQ or IoU, of bundles; default: 0.02"),
        ("--max-delegated-drop", "0.01", "largest loss of a delegate's share of MACs; default: 0.01"),
    ):
        metavar = "DB" if "sqnr" in option else "X"
        parser.add_argument(option, type=float, default=float(default), metavar=metavar, help=text)
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")


def run(options: argparse.Namespace) -> int:
    """Compares and says what got worse."""
    limits = _limits(options)
    from rapsam.benchmarks.compare.match import compare

    found = compare(options.before, options.after, limits)
    if options.json:
        show_json(found)
    else:
        _print(found)
    _say_failed(found, named=options.json)
    return WORSE if found.failed else 0


def _limits(options: argparse.Namespace) -> Limits:
    import msgspec

    from rapsam.benchmarks.compare.comparison import Limits

    given = {field: getattr(options, name) for field, (name, _) in _OPTIONS.items()}
    for field, (name, expected) in _OPTIONS.items():
        try:
            # NaN is refused too: it is not at least anything.
            msgspec.convert({field: given[field]}, Limits)
        except msgspec.ValidationError as error:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} {quoted(given[field])}; expected {expected}") from error
    return Limits(**given)


def _print(found: Comparison) -> None:
    """Prints each figure once: what failed stands last, where it is seen first."""
    print_table("", _COLUMNS, [_cells(row) for row in found.rows if row not in found.failed])
    if found.failed:
        print_table("\nworse, or not confirmed", _COLUMNS, list(map(_cells, found.failed)))
    show("", _counts(found.rows))


def _say_failed(found: Comparison, *, named: bool) -> None:
    """Says that the gate is shut; beside a record for programs with a line a figure."""
    if named:
        say(*(f"FAILED {row.run}: {row.figure}: {row.verdict}{_note(row)}" for row in found.failed))
    elif found.failed:
        say(f"FAILED: {_counts(found.failed)}")


def _counts(rows: Sequence[Row]) -> str:
    counts = Counter(row.verdict for row in rows)
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def _cells(row: Row) -> tuple[str, ...]:
    values = (_value(row, row.before), _value(row, row.after))
    return row.run, row.figure, *values, _change(row), row.verdict, row.note


def _value(row: Row, value: float | None) -> str:
    if row.unit == "none":
        return ""
    if value is None and row.verdict in ("missing", "new"):
        return _NONE
    if value is None:
        return "no difference" if row.unit == "dB" and row.verdict in ("ok", "worse") else _UNKNOWN
    if row.unit == "bytes":
        return readable_size(int(value))
    if row.unit == "share":
        return f"{value:.1%}"
    return {"ms": f"{value:.3g} ms", "dB": _decibels(value, "")}.get(row.unit, f"{value:.4f}")


def _change(row: Row) -> str:
    if row.ratio is not None:
        ends = "" if row.ratio_low is None else f" ({row.ratio_low:.2f}..{row.ratio_high:.2f})"
        return f"{row.ratio:.2f}x{ends}"
    if row.before is None or row.after is None or row.unit == "none":
        return ""
    change = row.after - row.before
    return {"dB": _decibels(change, "+"), "share": f"{change:+.1%}"}.get(row.unit, f"{change:+.4f}")


def _decibels(value: float, sign: str) -> str:
    return f"{value:{sign}.1f} dB" if abs(value) < _MOST_DB else f"{value:{sign}.3g} dB"


def _note(row: Row) -> str:
    change = _change(row)
    parts = [part for part in (change, row.note) if part]
    return f": {', '.join(parts)}" if parts else ""
