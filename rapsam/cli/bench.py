"""`rapsam bench`: how fast a bundle is on a device, and whether it is right there."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.arguments import check_kept
from rapsam.cli.bench_shapes import shapes_of
from rapsam.cli.console import StepLog, show, show_json
from rapsam.errors import InputError, UnavailableError, quoted

if TYPE_CHECKING:
    from rapsam.benchmarks.latency.facts import Timing
    from rapsam.benchmarks.runners.base import Wanted

SUMMARY = "Time a bundle or a bare file on a device, and compare it there; exit 1 if it is wrong or fails."
EXAMPLE = "rapsam bench bundles/pixel-8 --units all --out bench.jsonl"
FAILED = 1
_ALL = "all"
_DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_S = 86_400.0
_MOST_ITERS = 100_000
_MOST_SUBJECTS = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "bundle",
        type=Path,
        nargs="+",
        metavar="BUNDLE",
        help="folder made by 'rapsam export', or an .onnx, .tflite or .pte file; several take turns",
    )
    parser.add_argument(
        "--on",
        default="local",
        metavar="WHERE",
        help="device: local, this machine (default); adb, an Android phone, or adb:SERIAL, one of several; "
        "adb-app[:SERIAL], the sample app on it; "
        "ios, an iPhone at this Mac; browser[:ADDRESS[:PORT]], whatever opens a page that is served there; "
        "qemu-arm64, to tell what arm64 kernels compute",
    )
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        metavar="NAME=1x3x640x640",
        help="shape of an input that an .onnx file leaves open; once for each such input",
    )
    parser.add_argument("--runtime", metavar="NAME", help="what runs it; default: the first that works")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads; default: 2, or all there are")
    parser.add_argument(
        "--iters", type=int, default=50, metavar="N", help="least samples a stage; default: 50"
    )
    parser.add_argument(
        "--min-seconds", type=float, default=1.0, metavar="S", help="least time of a stage; 1"
    )
    parser.add_argument(
        "--stages",
        nargs="+",
        default=[],
        metavar="STAGE",
        help="only these, by kind (preprocess, graph, pipeline, postprocess, click, end_to_end), by the name "
        "of a graph or task, or both, as in graph:encoder",
    )
    parser.add_argument(
        "--sustained", metavar="TIME", help="then run on without a pause for so long, as in 90s or 10m"
    )
    parser.add_argument(
        "--units", choices=(_ALL,), help="all: every runtime, unit and number of threads that there is"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the records, one JSON object per line"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")
    parser.add_argument("--json", action="store_true", help="print the records as JSON")


def run(options: argparse.Namespace) -> int:
    """Times what is named and says what came of it."""
    from rapsam.benchmarks.latency.record_file import write_latency_records
    from rapsam.benchmarks.latency.stage_names import check_stages
    from rapsam.benchmarks.latency.verdict import has_failed
    from rapsam.benchmarks.report.words import counted
    from rapsam.benchmarks.runners import find_runner
    from rapsam.cli.bench_report import print_record, print_verdict
    from rapsam.files import check_output_file

    runner, device = find_runner(options.on)
    timing = _timing(options)
    if len(options.bundle) > _MOST_SUBJECTS:
        raise InputError(f"{len(options.bundle)} bundles; expected at most {_MOST_SUBJECTS} to take turns")
    if reason := runner.unavailable(device):
        raise UnavailableError(f"--on {quoted(options.on)}: {reason}")
    if options.out is not None:
        check_output_file(options.out, options.bundle)
        check_kept(options.out, overwrite=options.overwrite)
    wanted = _wanted(options)
    variants = runner.variants(wanted, device)
    for path in options.bundle:
        check_stages(path.name, runner.stages(path), timing.stages)
    log = StepLog()

    def tell(line: str, *, stays: bool = False) -> None:
        (log.note if stays else log.detail)(line)

    records = runner.measure(variants, timing, device, _command(options), tell)
    if options.out is not None:
        write_latency_records(options.out, records)
    if options.json:
        show_json(records)
    else:
        for record in records:
            print_record(record)
        print_verdict(records)
        if options.out is not None:
            show(f"{counted(len(records), 'record')} in {options.out}")
    return FAILED if has_failed(records, swept=wanted.all_units) else 0


def seconds_of(text: str) -> float:
    """Reads a duration, as in "90s", "10m" or "1h".

    Raises:
        InputError: If the text is anything else, or more than a day.
    """
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds <= _LONGEST_S:
        raise InputError(f"--sustained {quoted(text)}; expected a time up to a day, such as 90s, 10m or 1h")
    return seconds


def _wanted(options: argparse.Namespace) -> Wanted:
    from rapsam.benchmarks.runners.base import Wanted

    shapes = shapes_of(options.shape)
    for path in options.bundle:
        if shapes and path.is_dir():
            raise InputError(f"--shape for the bundle {path}, whose shapes are fixed; leave it out")
    return Wanted(tuple(options.bundle), options.runtime, options.threads, options.units == _ALL, shapes)


def _timing(options: argparse.Namespace) -> Timing:
    from rapsam.benchmarks.latency.facts import Timing

    if not 1 <= options.iters <= _MOST_ITERS:
        raise InputError(f"--iters {quoted(options.iters)}; expected 1 to {_MOST_ITERS:,}")
    # "not": NaN is refused too.
    if not 0 <= options.min_seconds <= _LONGEST_S:
        raise InputError(f"--min-seconds {quoted(options.min_seconds)}; expected seconds, a day at most")
    sustained = None if options.sustained is None else seconds_of(options.sustained)
    limit = max(Timing().max_seconds, 2 * options.min_seconds)
    return Timing(
        iters=options.iters,
        min_seconds=options.min_seconds,
        max_seconds=limit,
        stages=tuple(options.stages),
        sustained_s=sustained,
    )


def _command(options: argparse.Namespace) -> str:
    """Writes the command without places, which are of no use to others and tell of the user."""
    where = options.on.partition(":")[0]  # which of several devices it was is in the record, if it has a name
    words = ["rapsam", "bench", *(path.name for path in options.bundle), "--on", where]
    for name in ("runtime", "threads", "sustained", "units"):
        if (value := getattr(options, name)) is not None:
            words += [f"--{name}", str(value)]
    words += ["--iters", str(options.iters), "--min-seconds", f"{options.min_seconds:g}"]
    words += [word for shape in options.shape for word in ("--shape", shape)]
    words += ["--stages", *options.stages] if options.stages else []
    return shlex.join(words)
