"""A fuzzer of the command line: hostile inputs of six kinds, made from a seed, each run and judged.

    python -m tests.fuzz --kind images --count 500 --seed 1

Every input is a command line with the files that it meets, in a folder of its own. It runs in a forked
process with limits of time and memory; `tests/fuzz/judge.py` says what each ending must look like: an exit
code that is documented, one line of error, no traceback, no control character, no half file, nothing changed
but the results, no code of the input run, no connection made. A seed gives the same inputs everywhere.

Graphs of the bundle are small ones made for the fuzzer, so that an input takes a fraction of a second. A verb
that would rightly work for long, such as `demo`, is stopped after some seconds, and counted as such.

    --kind KIND     images, videos, checkpoints, annotations, bundles or arguments; may be repeated;
                    default: all
    --count N       inputs of each kind; default 50
    --seed S        default 1
    --only NUMBER   this input alone, to reproduce a fault
    --keep DIR      keep the folders of inputs that fail, with `stdout`, `stderr` and `command.json`
    --limit S       seconds of a processor per input, four times as many in all; default 15
    --verbose       a line for every input
    --record FILE   write counts, faults, machine, date and commit as JSON

The exit code is 1 if a fault was found.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# Before NumPy and PyTorch are imported: a process of several threads cannot be forked safely.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")


def main() -> int:
    """Runs the fuzzer."""
    from tests.fuzz.session import KINDS, fuzz
    from tests.fuzz.summary import summarise, write_record

    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", action="append", choices=sorted(KINDS))
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--limit", type=float, default=15.0)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    numbers = range(options.count) if options.only is None else [options.only]
    tallies = fuzz(
        options.kind or list(KINDS),
        numbers,
        options.seed,
        options.limit,
        keep=options.keep and options.keep.absolute(),
        tell=print if options.verbose else None,
    )
    faulty = summarise(tallies, options.seed)
    if options.record:
        write_record(options.record, tallies, options.seed)
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
