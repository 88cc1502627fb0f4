"""`rapsam data check`: what is in a folder of data sets, what is missing and what is broken."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.console import StepLog, print_table, show, show_json

if TYPE_CHECKING:
    from rapsam.data.sources.check import SourceReport

SUMMARY = "Say which data sets lie in a folder, what is missing and what is broken. Changes nothing."
EXAMPLE = "rapsam data check datasets"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("root", metavar="ROOT", help="a data set, or a folder of data sets")
    parser.add_argument(
        "--full", action="store_true", help="decode every image and mask, not only a sample of each data set"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(options: argparse.Namespace) -> int:
    """Checks the folder; 0 if all is well, 1 if something is missing or broken."""
    from rapsam.data.sources.check import check_below

    log = StepLog()
    reports = check_below(Path(options.root), full=options.full, progress=log.still)
    is_well = all(report.is_well for report in reports)
    if options.json:
        content = {"root": options.root, "is_well": is_well, "data_sets": reports}
        show_json(content)
    else:
        _print_reports(options.root, reports, full=options.full)
    return 0 if is_well else 1


def _print_reports(root: str, reports: list[SourceReport], *, full: bool) -> None:
    columns = ("data set", "split", "folder", "images", "videos", "segments", "classes", "decoded", "state")
    print_table(f"Data sets in {root}", columns, [_row(report) for report in reports])
    for report in reports:
        if not report.is_well or report.notes:
            show("", f"{report.kind} {report.split} in {report.folder}")
        if report.missing:
            some = ", ".join(report.first_missing)
            show(f"  missing files: {report.missing:,}, such as {some}")
        for fault in report.broken:
            show(f"  {fault.kind}: {fault.count:,}, first {fault.first}")
        show(*(f"  note: {note}" for note in report.notes))
    if not full:
        show("", "of each data set a sample was decoded; --full decodes all")


def _row(report: SourceReport) -> tuple[str, ...]:
    counts = (report.images, report.videos, report.segments, report.classes, report.decoded)
    faults = sum(fault.count for fault in report.broken)
    state = "well" if report.is_well else f"{report.missing:,} missing, {faults:,} broken"
    return (report.kind, report.split, report.folder, *(f"{count:,}" for count in counts), state)
