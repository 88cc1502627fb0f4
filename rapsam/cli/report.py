"""`rapsam report`: what was measured, as a page for people or as tables."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.arguments import check_kept
from rapsam.cli.console import StepLog, readable_size, show, show_json
from rapsam.cli.terminal import write_result
from rapsam.errors import InputError

if TYPE_CHECKING:
    from rapsam.benchmarks.latency.record import LatencyRecord

SUMMARY = "Show records of 'rapsam bench', and bundles beside their reference, on one page of HTML."
EXAMPLE = "rapsam report bench.jsonl --bundle bundles/pixel-8 --out report.html"
_FORMATS = ("html", "md", "json", "csv")
_MOST_FILES, _MOST_BUNDLES = 64, 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "records", type=Path, nargs="*", metavar="RECORDS", help="files that 'rapsam bench --out' wrote"
    )
    parser.add_argument(
        "--bundle",
        type=Path,
        nargs="+",
        default=[],
        metavar="BUNDLE",
        help="bundles whose masks and parity are shown: they run here on the images that they carry",
    )
    parser.add_argument(
        "--out", "-o", type=Path, metavar="FILE", help="the page; of other formats, default: standard output"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        default="html",
        help="html (default), md: a line a run, csv: a line a stage, json: the records as they are",
    )


def run(options: argparse.Namespace) -> int:
    """Makes the page, or prints the records."""
    _check(options)
    from rapsam.benchmarks.latency.record_file import read_latency_records
    from rapsam.files import check_output_file

    if options.out is not None:
        check_output_file(options.out, [*options.records, *options.bundle])
        check_kept(options.out, overwrite=options.overwrite)
    records = [record for path in options.records for record in read_latency_records(path)]
    if options.format == "html":
        _write_page(options, records)
    elif options.format == "json" and options.out is None:
        show_json(records)
    else:
        _write_text(options, records)
    return 0


def _check(options: argparse.Namespace) -> None:
    if not options.records and not options.bundle:
        raise InputError("nothing to report; expected files of 'rapsam bench --out', or --bundle BUNDLE")
    for given, most, kind in (
        (options.records, _MOST_FILES, "files"),
        (options.bundle, _MOST_BUNDLES, "bundles"),
    ):
        if len(given) > most:
            raise InputError(f"{len(given)} {kind}; expected at most {most}: give fewer")
    if options.format == "html" and options.out is None:
        raise InputError("the page needs a place; give it: --out report.html")
    if options.format != "html" and options.bundle:
        raise InputError(
            f"--bundle with --format {options.format}: a bundle's results are on the page only; its figures "
            "are in its parity.json"
        )


def _write_page(options: argparse.Namespace, records: list[LatencyRecord]) -> None:
    from rapsam.benchmarks.report.bundle_view import view_bundle
    from rapsam.benchmarks.report.page.document import page_of
    from rapsam.benchmarks.report.words import counted
    from rapsam.files import write_atomic

    log = StepLog()
    bundles = [view_bundle(folder, log.detail) for folder in options.bundle]
    page = page_of(records, bundles)
    write_atomic(options.out, page)
    held = f"{counted(len(records), 'run')}, {counted(len(bundles), 'bundle')}"
    show(f"{options.out}: {held}, {readable_size(len(page))}")


def _write_text(options: argparse.Namespace, records: list[LatencyRecord]) -> None:
    from rapsam.benchmarks.latency.record_file import write_latency_records
    from rapsam.benchmarks.report.plain import csv_of, markdown_of
    from rapsam.files import write_atomic

    if options.format == "json":
        write_latency_records(options.out, records)
        return
    text = markdown_of(records) if options.format == "md" else csv_of(records)
    if options.out is None:
        write_result(text)
    else:
        write_atomic(options.out, text.encode())
