"""Measures what few bits cost and gain: every recipe beside fp32 in the same runtime.

    python -m rapsam.benchmarks.studies.few_bits --work runs/few-bits

The small network with its shipped weights is scored on a drawn world that it has never seen; the large ones
are there for size and speed. Each row is measured in a process of its own. Rows that the results file has
from the same source code are kept, and so is what the working folder has of the others: an interrupted run
goes on where it stopped.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rapsam.benchmarks.measuring.records import RESULTS, SCHEMA_VERSION, now_utc, records_or, write_records
from rapsam.benchmarks.studies.few_bits_measure import SPLIT, Place, measure_in_own_process
from rapsam.benchmarks.studies.few_bits_records import FewBits, FewBitsRow
from rapsam.benchmarks.studies.few_bits_rows import RowPlan, all_rows, named_rows, reason_not_here
from rapsam.benchmarks.studies.few_bits_training import trained_with
from rapsam.benchmarks.studies.shipped_weights import HELD_OUT_SEED
from rapsam.errors import InputError, RapSamError, UnavailableError
from rapsam.export.build.source import source_sha256

FILE = RESULTS / "few_bits.json"
COMMAND = "python -m rapsam.benchmarks.studies.few_bits --work runs/few-bits"
IMAGES = 300
Measure = Callable[[RowPlan, Place], FewBitsRow]


def main() -> None:
    """Measures what the results file lacks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="world, bundles, counts")
    parser.add_argument("--rows", nargs="+", metavar="NAME", help="such as onnx-w8a8; default: all")
    parser.add_argument("--images", type=int, default=IMAGES, metavar="N", help="held-out images to score")
    parser.add_argument("--out", type=Path, default=FILE, help="results file")
    options = parser.parse_args()
    try:
        rows = named_rows(all_rows() if options.rows is None else options.rows)
        place = place_in(options.work, options.images)
        measure_rows(rows, place, options.images, options.out)
    except RapSamError as error:
        parser.error(str(error))


def place_in(work: Path, images: int) -> Place:
    """Draws the held-out world, unless the working folder has it.

    Args:
        work: The working folder. What was made from other source code lies beside what will be.
        images: Number of images to score.

    Raises:
        UnavailableError: If the world cannot be drawn.
    """
    if images < 1:
        raise InputError(f"--images {images}; expected at least 1")
    world = work.resolve() / f"world-{images}"
    if not (world / f"synth_{SPLIT}.json").exists():
        line = (
            "data",
            "synth",
            "--out",
            world,
            "--images",
            images,
            "--seed",
            HELD_OUT_SEED,
            "--split",
            SPLIT,
        )
        if subprocess.run([sys.executable, "-m", "rapsam", *map(str, line)], stdout=sys.stderr).returncode:
            raise UnavailableError(f"{world} cannot be drawn; see above why")
    return Place(work.resolve() / source_sha256()[:12], world)


def measure_rows(
    rows: Sequence[RowPlan], place: Place, images: int, path: Path, measure: Measure = measure_in_own_process
) -> None:
    """Measures rows and writes each as soon as it is known; one that fails does not keep the others waiting.

    Args:
        rows: Those that are wanted; the others stay in the file as they are.
        place: Where.
        images: That are scored; a row of another number is measured again.
        path: The results file.
        measure: Measures a row.

    Raises:
        UnavailableError: If a row could not be measured, after all others.
    """
    failed = []
    for number, row in enumerate(rows, start=1):
        title, reason = f"{number}/{len(rows)} {row.name}", reason_not_here(row)
        if _is_known(row, known_records(path).row(row.name), images):
            _say(f"{title}: measured before")
        elif reason is not None:
            _say(f"{title}: not measured: {reason}")
            write_records(path, known_records(path).without_row(row.name, reason))
        else:
            _say(title)
            start = time.monotonic()
            try:
                measured = measure(row, place)
            except UnavailableError as error:
                failed.append(row.name)
                _say(f"{title}: {error}")
                continue
            # Only now: another process may measure other rows meanwhile.
            write_records(path, known_records(path).with_row(measured))
            _say(f"{title}: {time.monotonic() - start:.0f} s")
    if failed:
        raise UnavailableError(f"not measured: {', '.join(failed)}; see above why, and start again")


def known_records(path: Path = FILE) -> FewBits:
    """Reads what was measured so far; nothing where there is no file."""
    return records_or(path, FewBits(schema_version=SCHEMA_VERSION, command=COMMAND))


def _is_known(plan: RowPlan, row: FewBitsRow | None, images: int) -> bool:
    if row is None or row.trained_with != trained_with(plan):
        return False
    return row.source_sha256 == source_sha256() and row.images in (0, images)


def _say(line: str) -> None:
    print(f"{now_utc()} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
