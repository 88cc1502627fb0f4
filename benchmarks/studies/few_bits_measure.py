"""Measures one row of `few_bits`, in a process of its own.

The small network, which has learnt something, is exported and scored. Of the large ones graphs are lowered,
for their size and their speed. What the working folder has already is not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from rapsam.benchmarks.measuring.records import now_utc
from rapsam.benchmarks.measuring.timing import in_own_process
from rapsam.benchmarks.studies.few_bits_records import NANO, FewBitsRow, GraphRow, Loss
from rapsam.benchmarks.studies.few_bits_rows import RowPlan, all_rows, first_runtime
from rapsam.benchmarks.studies.few_bits_times import ROUNDS, times_beside_float
from rapsam.export.backends import find_backend
from rapsam.machine import this_machine

if TYPE_CHECKING:
    from rapsam.benchmarks.studies.few_bits_forms import Pair

KIND, SPLIT = "coco_panoptic", "val"
_SAY_EVERY_S = 30.0


class Place(NamedTuple):
    """Where rows are measured.

    Attributes:
        work: Keeps bundles, lowered graphs and counts.
        world: The held-out world, all images of which are scored.
    """

    work: Path
    world: Path


def main() -> None:
    """Measures what the option `--one` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", metavar="JSON", required=True)
    name, work, world = json.loads(parser.parse_args().one)
    row = measure(all_rows()[name], Place(Path(work), Path(world)))
    print(msgspec.json.encode(row).decode())


def measure_in_own_process(row: RowPlan, place: Place) -> FewBitsRow:
    """Does `measure` in a process of its own: converters and evaluations leave much memory taken."""
    call = [row.name, str(place.work), str(place.world)]
    return in_own_process("rapsam.benchmarks.studies.few_bits_measure", call, FewBitsRow)


def measure(row: RowPlan, place: Place, rounds: int = ROUNDS) -> FewBitsRow:
    """Measures a row.

    Args:
        row: What to measure.
        place: Where.
        rounds: Turns that every graph has beside its fp32 form.

    Raises:
        ExportError: If a converter refuses a graph.
        BundleError: If a runtime does.
    """
    from rapsam.benchmarks.studies.few_bits_forms import export_pair, lower_pair

    if row.model == NANO:
        pair = export_pair(row, place.work)
        graphs, load_average = _graph_rows(row, pair, rounds)
        losses, images = _losses(pair, place)
        return _row(row, pair, load_average, graphs, losses, images)
    place.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.work) as scratch:
        pair = lower_pair(row, place.work, Path(scratch))
        graphs, load_average = _graph_rows(row, pair, rounds)
    return _row(row, pair, load_average, graphs)


def _row(
    row: RowPlan,
    pair: Pair,
    load_average: float,
    graphs: tuple[GraphRow, ...],
    losses: tuple[Loss, ...] = (),
    images: int = 0,
) -> FewBitsRow:
    from rapsam.benchmarks.studies.few_bits_forms import subject_of
    from rapsam.benchmarks.studies.few_bits_training import trained_with

    runtime, subject, found = first_runtime(row.recipe), subject_of(row), pair.inputs.calibration
    return FewBitsRow(
        name=row.name,
        created_utc=now_utc(),
        machine=this_machine(),
        provenance=runtime.provenance,
        runtime=runtime.name,
        model=row.model,
        weights=subject.weights,
        trained_with=trained_with(row),
        target=row.recipe.backend,
        precision=row.recipe.precision,
        recipe=row.recipe.name,
        size=subject.size,
        calibration="" if found is None else f"{found.name}, {len(found.images)} images",
        parity=pair.parity,
        images=images,
        losses=losses,
        graphs=graphs,
        load_average=load_average,
        source_sha256=pair.inputs.source_sha256,
        tool_versions=find_backend(row.recipe.backend).tool_versions(),
    )


def _graph_rows(row: RowPlan, pair: Pair, rounds: int) -> tuple[tuple[GraphRow, ...], float]:
    """Times every graph beside its fp32 form; returns the load of the machine before, too."""
    from rapsam.benchmarks.studies.few_bits_forms import say
    from rapsam.export.build.graph_stage import graph_samples

    load_average, runtime, rows = round(os.getloadavg()[0], 2), first_runtime(row.recipe), []
    for name, ours in pair.ours.items():
        theirs = pair.theirs[name]
        say(f"{row.name}: {name} beside fp32")
        sample = next(iter(graph_samples(pair.inputs, pair.plan, name)))
        rows.append(
            GraphRow(
                graph=name,
                precision=ours.precision,
                why=ours.why,
                size_bytes=ours.entry.size_bytes,
                float_bytes=theirs.entry.size_bytes,
                times=times_beside_float(
                    runtime, ours.path, theirs.path, ours.entry.contract, sample, rounds
                ),
            )
        )
    return tuple(rows), load_average


def _losses(pair: Pair, place: Place) -> tuple[tuple[Loss, ...], int]:
    """Scores both bundles; returns the number of images, too."""
    from rapsam.benchmarks.studies.few_bits_losses import Images, losses_of
    from rapsam.data.sources.kinds import data_key, open_annotated
    from rapsam.export.bundle.load import load_bundle

    source = open_annotated(KIND, place.world, SPLIT)
    images = Images(source, data_key(KIND, place.world, SPLIT), place.work / "counts")
    subject, reference = map(load_bundle, pair.folders)
    return losses_of(subject, reference, images, _Slowly()), len(source)


class _Slowly:
    """Says now and then how many images are done."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        from rapsam.benchmarks.studies.few_bits_forms import say

        if done == total or time.monotonic() - self._said >= _SAY_EVERY_S:
            say(f"{what}: {done} of {total} images")
            self._said = time.monotonic()


if __name__ == "__main__":
    main()
